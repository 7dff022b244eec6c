"""Settings of the network: backbone, frozen part and head."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from tl_core.config.choice import Choice, knob

DEFAULT_BACKBONE = "tf_efficientnet_lite0"
MAX_HIDDEN_LAYERS = 4


class ModelConfig(Choice):
    backbone: str = knob(
        DEFAULT_BACKBONE, "The pretrained network: a name from the catalogue, or any of timm's."
    )
    pretrained: bool = knob(
        True, "Start from weights that have learned to see; off starts from random ones."
    )
    weights: str = knob(
        "imagenet",
        "Whose weights to start from: imagenet, a weights file (file:NAME), or a Hugging Face "
        "model (hf:OWNER/NAME).",
        pattern=r"^(imagenet|file:.+|hf:[\w.-]+/[\w.-]+)$",
        max_length=500,
        json_schema_extra={"example": "imagenet, file:NAME or hf:OWNER/NAME"},
    )
    image_size: int | None = knob(
        None,
        "Side in pixels that images are scaled to; empty takes what the backbone was trained with.",
        ge=16,
        le=1024,
    )
    frozen_stages: Literal["all"] | Annotated[int, Field(ge=-100, le=100)] = knob(
        "all",
        "Stages kept as they are, counted from the input: all is feature extraction, 0 is full "
        "fine-tuning, -2 is all but the last two. With unfreezing, what is still frozen at the "
        "end.",
    )
    # Keras courses say how many layers to freeze, counted in this way.
    frozen_layers: int | None = knob(
        None,
        "Freeze by number of layers instead, counted as Keras counts them: the input is the "
        "first, and every convolution, normalisation, activation, pooling and addition is one.",
        ge=0,
    )
    frozen_names: tuple[str, ...] = knob(
        (),
        "Also keep the layers whose names match, such as layer1.* or *.bn1 (several with commas).",
    )
    batch_norm: Literal["frozen", "adapt"] = knob(
        "frozen",
        "Whether BatchNorm in frozen stages keeps the averages it has learned (frozen) or goes "
        "on averaging over your images (adapt).",
    )
    hidden_units: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = knob(
        (),
        "Widths of hidden layers in the head, such as 256 or 1024,256; empty makes the head "
        "linear.",
        max_length=MAX_HIDDEN_LAYERS,
    )
    dropout: float = knob(
        0.0,
        "Chance of switching off each input of a layer of the head during training.",
        ge=0,
        lt=1,
    )
    output: Literal["softmax", "sigmoid"] = knob(
        "softmax", "One output a class (softmax), or with two classes a single one (sigmoid)."
    )

    @field_validator("hidden_units", "frozen_names", mode="before")
    @classmethod
    def _split_list(cls, value: Any) -> Any:
        """Turn "1024,256", 256 or 0 into a tuple."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip() not in ("", "0"))
        # A bool is an int in Python, and is left to pydantic to refuse.
        if isinstance(value, int) and not isinstance(value, bool):
            return (value,) if value else ()
        return value

    @model_validator(mode="after")
    def _scratch_freezes_nothing(self) -> "ModelConfig":
        if not self.pretrained and (
            self.frozen_stages != 0 or self.frozen_layers or self.frozen_names
        ):
            raise ValueError(
                "A backbone trained from scratch has nothing to keep: set the frozen stages to 0."
            )
        return self

    @property
    def keeps_any(self) -> bool:
        """Return True if any part of the backbone is frozen."""
        return self.pretrained and (
            self.frozen_stages != 0 or bool(self.frozen_layers or self.frozen_names)
        )
