"""Parts of a run whose pace is measured: their names, and a model of those never measured.

A name holds everything that decides about the pace of a part, so that it is known again in another
run. `pace_keeper` measures parts, `estimate` adds them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tl_core.backbones import get_backbone, preprocessing_for
from tl_core.config import RunConfig
from tl_core.training.device import Device

Names = tuple[str, ...]
"""Names of a part, from its own to those that hold for similar parts, too."""
FORWARD = 1 / 3
"""Cost of a forward pass in training steps where that is not modelled."""
_BACKWARD = 2.0
"""Cost of a backward pass in forward passes: gradients of both weights and activations."""
_STEP_SECONDS = 1.5e-3
"""Time of an optimizer step that does not depend on the images."""


@dataclass(frozen=True)
class Parts:
    """Names of the parts of runs of one configuration."""

    backbone: str
    side: int
    """Image size in pixels."""
    batch: int
    dataset: str

    @classmethod
    def of(cls, config: RunConfig) -> "Parts":
        backbone = get_backbone(config.model.backbone)
        side = preprocessing_for(backbone, config.model.image_size).size
        return cls(backbone.name, side, config.train.images_per_batch, config.data.dataset_id)

    @property
    def network(self) -> str:
        return f"{self.backbone} {self.side}"

    def start(self, *, is_first: bool) -> Names:
        """Everything before the frozen prefix: images looked up, network built, weights read.

        Args:
            is_first: the first run of its process, which also imports and traces.
        """
        kind = f"start{' first' * is_first}"
        return f"{kind} {self.backbone}", kind

    def prefix(self, cut: int, *, exported: bool) -> str:
        """An image's way through the first `cut` stages."""
        return f"prefix {self.network} {cut}{' exported' * exported}"

    def setup(self, cut: int, how: str) -> Names:
        """Everything around an image's way through the first `cut` stages.

        Args:
            how: "exported" to ONNX Runtime, whose answers are then checked, "plain" in PyTorch,
                or "cached" where no image passes.
        """
        kind = f"setup {how}"
        return f"{kind} {self.network} {cut}", f"{kind} {self.backbone}", kind

    def step(self, frozen: int, *, on_rows: bool) -> Names:
        """A training image's part of a training step.

        Args:
            on_rows: trains on cached activations of the prefix of `frozen` stages.
        """
        of_any_batch = f"step {self.network} {frozen}{' on rows' * on_rows}"
        return f"{of_any_batch} {self.batch}", of_any_batch

    def tried_step(self, frozen: int, *, on_rows: bool) -> str:
        """A training image's part of a training step that was tried before any run."""
        return f"tried {self.step(frozen, on_rows=on_rows)[-1]}"

    def opening(self, frozen: int) -> Names:
        """What a phase's first epoch takes in addition: memory is set up, all weights are saved."""
        return f"opening {self.backbone} {frozen}", f"opening {self.backbone}", "opening"

    def closing(self, frozen: int) -> Names:
        """End of an epoch without its validation: model and training state are saved."""
        return f"closing {self.backbone} {frozen}", f"closing {self.backbone}", "closing"

    def test(self, frozen: int) -> Names:
        """Test without its images: the saved model is read, figures are computed."""
        return f"test {self.backbone} {frozen}", f"test {self.backbone}", "test"

    def decoding(self, form: str) -> str:
        return f"decoding {self.dataset} {self.side} {form}"

    @property
    def varying(self) -> Names:
        return f"varying {self.side}", "varying"


def model_errors(kind: str, parts: Parts) -> Names:
    """Name how many times as long a part took as `StageModel` says."""
    of_any = f"times the model: {kind}"
    return f"{of_any} {parts.network}", f"{of_any} {parts.backbone}", of_any


def step_kind(is_head: bool) -> str:
    """Name the kind of a step for `model_errors`: that of a head alone follows other rules."""
    return "step of a head" if is_head else "step"


class StageModel:
    """Cost of parts derived from the measured forward pass of each stage, in processor seconds."""

    def __init__(self, stage_seconds: Sequence[float], batch: int, device: Device) -> None:
        """
        Args:
            stage_seconds: seconds of each stage's forward pass for an image.
            batch: images in a training step.
        """
        on_cpu = device.torch_device.type == "cpu"
        threads = torch.get_num_threads() if on_cpu else 1
        self._stages = [threads * each for each in stage_seconds]
        self._batch = batch

    @property
    def n_stages(self) -> int:
        return len(self._stages)

    def prefix(self, cut: int) -> float:
        return sum(self._stages[:cut])

    def step(self, frozen: int, *, on_rows: bool) -> float:
        """Return the cost of a training image's forward and backward pass, and of its step."""
        trained = (1 + _BACKWARD) * sum(self._stages[frozen:])
        before = 0.0 if on_rows else self.prefix(frozen)
        return before + trained + _STEP_SECONDS / self._batch

    def forward_share(self, frozen: int, *, on_rows: bool) -> float:
        """Return the cost of an image's forward pass as a share of `step`."""
        trained = sum(self._stages[frozen:])
        before = 0.0 if on_rows else self.prefix(frozen)
        # A head alone is not modelled.
        if not trained + before:
            return FORWARD
        return (before + trained) / (before + (1 + _BACKWARD) * trained)
