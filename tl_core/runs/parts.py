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
PRIOR = {"prefix": 0.6, "prefix exported": 0.6, "step": 1.0, "step of a head": 1.0}
"""Times that the model of parts is off before any run was measured: batches of a run are larger
than those of the measurement, and ONNX Runtime takes from a quarter to all of PyTorch's time."""
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

    def prefix_of_few(self, cut: int) -> str:
        """An image's way through them, among so few images that their set-up still counts."""
        return f"prefix of few {self.network} {cut}"

    def setup(self, cut: int, how: str, *, is_first: bool) -> Names:
        """Everything around an image's way through the first `cut` stages.

        Args:
            how: "exported" to ONNX Runtime, whose answers are then checked, "plain" in PyTorch,
                or "cached" where no image passes.
            is_first: the first run of its process, which also loads and prepares libraries.
        """
        kind = f"setup {how}{' first' * is_first}"
        return f"{kind} {self.network} {cut}", f"{kind} {self.backbone}", kind

    def step(self, frozen: int, *, on_rows: bool) -> Names:
        """A training image's part of a training step.

        Args:
            on_rows: trains on cached activations of the prefix of `frozen` stages.
        """
        of_any_batch = f"step {self.network} {frozen}{' on rows' * on_rows}"
        return f"{of_any_batch} {self.batch}", of_any_batch

    def opening(self, frozen: int, *, is_head: bool) -> Names:
        """Work of a phase's first epoch alone: memory is set up, all weights are saved.

        Args:
            is_head: a head alone is trained, on activations.
        """
        kind = f"opening{' of a head' * is_head}"
        return f"{kind} {self.backbone} {frozen}", f"{kind} {self.backbone}", kind

    def closing(self, frozen: int, *, is_head: bool) -> Names:
        """End of an epoch without its validation: model and training state are saved."""
        kind = f"closing{' of a head' * is_head}"
        return f"{kind} {self.backbone} {frozen}", f"{kind} {self.backbone}", kind

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
    """Cost of parts derived from the measured passes of each stage, in processor seconds."""

    def __init__(
        self,
        forward: Sequence[float],
        batch: int,
        device: Device,
        training: Sequence[float] | None = None,
    ) -> None:
        """
        Args:
            forward: seconds of each stage's forward pass for an image.
            batch: images in a training step.
            training: seconds of each stage's forward and backward pass, where they were measured.
        """
        on_cpu = device.torch_device.type == "cpu"
        threads = torch.get_num_threads() if on_cpu else 1
        self._forward = [threads * each for each in forward]
        self._training = [(1 + _BACKWARD) * each for each in self._forward]
        if training:
            self._training = [threads * each for each in training]
        self._batch = batch

    @property
    def n_stages(self) -> int:
        return len(self._forward)

    def prefix(self, cut: int) -> float:
        return sum(self._forward[:cut])

    def step(self, frozen: int, *, on_rows: bool) -> float:
        """Return the cost of a training image's forward and backward pass, and of its step."""
        before = 0.0 if on_rows else self.prefix(frozen)
        return before + sum(self._training[frozen:]) + _STEP_SECONDS / self._batch

    def forward_share(self, frozen: int, *, on_rows: bool) -> float:
        """Return the cost of an image's forward pass as a share of `step`."""
        before = 0.0 if on_rows else self.prefix(frozen)
        forward = before + sum(self._forward[frozen:])
        # The stages of a head alone are all in front of it.
        return forward / self.step(frozen, on_rows=on_rows) if forward else FORWARD
