"""What a person chooses for a run: frozen, validated, saved with the run as JSON."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tl_core.errors import ConfigError

DEFAULT_BACKBONE = "tf_efficientnet_lite0"


class _Choice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(_Choice):
    dataset_id: str = Field(min_length=1)
    """Fingerprint of the dataset in the store."""
    val_fraction: float = Field(0.15, gt=0, lt=0.5)
    """Share of each class kept for validation, unless the dataset came with its own validation folder."""
    test_fraction: float = Field(0.15, gt=0, lt=0.5)
    """Share of each class kept for the one final test, unless the dataset came with its own test folder."""
    split_seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the split; apart from the training seed, so that runs with other seeds share a test set."""


class ModelConfig(_Choice):
    backbone: str = DEFAULT_BACKBONE
    """A name from the catalogue."""
    pretrained: bool = True
    """Start from ImageNet weights; False starts from random ones."""
    frozen_stages: Literal["all"] | Annotated[int, Field(ge=0)] = "all"
    """Stages kept as they are, counted from the input. "all" is feature extraction, 0 is full fine-tuning."""
    hidden_units: int = Field(0, ge=0, le=8192)
    """Width of a hidden layer in the head; 0 makes the head linear."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Chance of switching off each input of the head's last layer during training."""

    @model_validator(mode="after")
    def _scratch_freezes_nothing(self) -> "ModelConfig":
        if not self.pretrained and self.frozen_stages != 0:
            raise ValueError("A backbone trained from scratch has nothing to keep: set the frozen stages to 0.")
        return self


class TrainConfig(_Choice):
    epochs: int = Field(5, ge=1, le=1000)
    """Times the model sees every training image."""
    batch_size: int = Field(32, ge=1, le=4096)
    """Images per optimizer step."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """`sgd` is stochastic gradient descent with momentum 0.9."""
    learning_rate: float | None = Field(None, gt=0, le=10)
    """Step size for the head; None takes the optimizer's default."""
    backbone_learning_rate: float | None = Field(None, gt=0, le=10)
    """Step size for unfrozen stages; None takes a tenth of the head's (or all of it when training from scratch)."""
    weight_decay: float = Field(0.01, ge=0, le=1)
    """Pull of every trained weight towards zero."""
    augment: bool = True
    """Show the model randomly cropped, mirrored and recoloured copies of the training images."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the head's first weights, the order of the images and the augmentation."""


class RunConfig(_Choice):
    data: DataConfig
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()


_SECTIONS: dict[str, type[BaseModel]] = {"data": DataConfig, "model": ModelConfig, "train": TrainConfig}


def make_run_config(data: dict[str, Any], model: dict[str, Any], train: dict[str, Any]) -> RunConfig:
    """Validate what a form or a command line gave.

    Raises:
        ConfigError: in one sentence, the first field that is wrong, its value and what is legal.
    """
    try:
        return RunConfig.model_validate({"data": data, "model": model, "train": train})
    except ValidationError as error:
        section, *where = error.errors()[0]["loc"]
        fields = _SECTIONS[str(section)]
        raise ConfigError(say_what_is_legal(fields, error, str(where[0]) if where else "")) from error


def say_what_is_legal(model: type[BaseModel], error: ValidationError, field: str, called: str = "") -> str:
    """One sentence on the first thing wrong: the field, by what it is `called`, its value and what is legal."""
    first = error.errors()[0]
    name = called or field.replace("_", " ").capitalize()
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    if first["type"] == "extra_forbidden":
        return f"There is no setting {field!r}; there are {', '.join(model.model_fields)}."
    legal = _legal_values(model.model_json_schema()["properties"][field])
    if first["type"] == "missing":
        return f"{name} is missing; give {legal}."
    return f"{name}: {first['input']!r} is not possible; give {legal}."


def _legal_values(schema: dict[str, Any]) -> str:
    """What a JSON schema allows, in words."""
    if "anyOf" in schema:
        return " or ".join(_legal_values(option) for option in schema["anyOf"])
    if choices := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return " or ".join(repr(choice) for choice in choices)
    kinds = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "nothing"}
    return kinds.get(schema["type"], "at least one character") + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return f" {' and '.join(bounds)}" if bounds else ""
