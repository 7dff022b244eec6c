"""Ask a run's model about images that no split has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch

from tl_core.data.loaders import read_input
from tl_core.data.transforms import normalise
from tl_core.errors import ImageUnusable
from tl_core.features import Pieces
from tl_core.training import Checkpoint, Device, load_checkpoint, pick_device
from tl_core.workspace import Workspace

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Answer:
    name: str
    """Of the image, as it was given. User text."""
    top: tuple[tuple[str, float], ...]
    """(class, confidence), the most likely first; empty when the image cannot be used."""
    error: str = ""
    """Why the image cannot be used."""


class Predictor:
    """A run's best model, loaded once, answering as it does in the test: same decoder, same preprocessing."""

    def __init__(self, checkpoint: Checkpoint, device: Device, max_pixels: int) -> None:
        self._checkpoint, self._device, self._max_pixels = checkpoint, device, max_pixels
        device.place(checkpoint.model)

    @classmethod
    def of_run(cls, workspace: Workspace, run_id: str) -> "Predictor":
        """Load the model of a run.

        Raises:
            UnknownRun: there is none.
            RunNotReady: it has no model yet.
        """
        run = workspace.store.get_run(run_id)
        checkpoint = load_checkpoint(workspace.artifacts.checkpoint(run.id))
        return cls(checkpoint, pick_device(), workspace.settings.limits.max_pixels)

    def predict(self, files: Sequence[tuple[str, Path | BinaryIO]], top: int = 5) -> list[Answer]:
        """Answer each (name, file), in order; one that cannot be used gets its reason instead."""
        answers: list[Answer] = []
        for start in range(0, len(files), _BATCH):
            answers += self._predict_batch(files[start : start + _BATCH], top)
        return answers

    def _predict_batch(self, files: Sequence[tuple[str, Path | BinaryIO]], top: int) -> list[Answer]:
        preprocessing = self._checkpoint.preprocessing
        inputs, reasons = [], {}
        for i, (_, file) in enumerate(files):
            try:
                inputs.append(read_input(file, preprocessing, self._max_pixels))
            except ImageUnusable as error:
                reasons[i] = str(error)
        rows = iter(self._probabilities(torch.stack(inputs)) if inputs else torch.empty(0))
        return [
            Answer(name, (), reasons[i]) if i in reasons else Answer(name, self._rank(next(rows), top))
            for i, (name, _) in enumerate(files)
        ]

    @torch.inference_mode()
    def _probabilities(self, inputs: torch.Tensor) -> torch.Tensor:
        images = normalise(inputs.to(self._device.torch_device), self._checkpoint.preprocessing)
        logits = Pieces().forward(self._checkpoint.model, images.contiguous(memory_format=torch.channels_last))
        return logits.double().softmax(1).cpu()

    def _rank(self, probabilities: torch.Tensor, top: int) -> tuple[tuple[str, float], ...]:
        best = probabilities.topk(min(top, len(self._checkpoint.classes)))
        return tuple((self._checkpoint.classes[i], p) for p, i in zip(*map(torch.Tensor.tolist, best), strict=True))
