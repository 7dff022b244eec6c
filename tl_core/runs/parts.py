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

    def start(self, *, is_first: bool) -> str:
        """Everything before the frozen prefix: images looked up, network built, weights read.

        Args:
            is_first: the first run of its process, which also imports and traces.
        """
        return f"start {self.backbone}{' first' * is_first}"

    def prefix(self, cut: int, *, exported: bool) -> str:
        """An image's way through the first `cut` stages."""
        return f"prefix {self.network} {cut}{' exported' * exported}"

    def export(self, cut: int) -> str:
        """Export of the first `cut` stages to ONNX Runtime, and the check of its answers."""
        return f"export {self.network} {cut}"

    def step(self, frozen: int, *, on_rows: bool) -> str:
        """A training image's part of a training step.

        Args:
            on_rows: trains on cached activations of the prefix of `frozen` stages.
        """
        return f"step {self.network} {frozen} {self.batch}{' on rows' * on_rows}"

    def closing(self, frozen: int) -> str:
        """End of an epoch without its validation: model and training state are saved."""
        return f"closing {self.backbone} {frozen}"

    def test(self, frozen: int) -> str:
        """Test without its images: the saved model is read, figures are computed."""
        return f"test {self.backbone} {frozen}"

    def decoding(self, form: str) -> str:
        return f"decoding {self.dataset} {self.side} {form}"

    @property
    def varying(self) -> str:
        return f"varying {self.side}"


def model_error(kind: str, backbone: str = "") -> str:
    """Name how many times as long a part took as `StageModel` says, for one backbone or for all."""
    return f"times the model: {kind} {backbone}".rstrip()


def step_kind(is_head: bool) -> str:
    """Name the kind of a step for `model_error`: that of a head alone follows other rules."""
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
