"""Ask a run's model about images that no split has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from threading import Condition
from typing import Any, BinaryIO

import torch
from cachetools import LRUCache, cachedmethod

from tl_core.data.loaders import read_input
from tl_core.data.pixels import Form
from tl_core.data.resizing import Box, middle_box, size_of
from tl_core.data.transforms import normalise, prepare
from tl_core.errors import ImageUnusable
from tl_core.evaluation.explain import Method, heat_map
from tl_core.features import Pieces
from tl_core.records import Run
from tl_core.spreadsheet import as_csv
from tl_core.training import Checkpoint, Device, load_checkpoint, pick_device
from tl_core.workspace import Workspace

_BATCH = 32
_KEPT_MODELS, _KEPT_BYTES = 8, 10**9
_NOT_A_NUMBER = "The model's answer to it is not a number: training has gone wrong. Train again with a smaller learning rate."


@dataclass(frozen=True, slots=True)
class Answer:
    name: str
    """Of the image, as it was given. User text."""
    top: tuple[tuple[str, float], ...]
    """(class, confidence), the most likely first; empty when the image cannot be used."""
    error: str = ""
    """Why the image cannot be used."""


@dataclass(frozen=True, slots=True)
class Explanation:
    heat: torch.Tensor
    """Float32 [side, side], from 0 to 1, the strongest place; of the square that the model is shown."""
    seen: Box
    """That square's left, top, right and bottom in the upright image, in shares of its width and height."""


class Predictor:
    """A run's best model, loaded once, answering as it does in the test: same decoder, same preprocessing.

    Several threads may ask it at once.
    """

    def __init__(self, checkpoint: Checkpoint, device: Device, max_pixels: int) -> None:
        self._checkpoint, self._device, self._max_pixels = checkpoint, device, max_pixels
        self.classes = checkpoint.classes
        """As the model knows them. User text."""
        self.n_bytes: int = sum(tensor.nbytes for tensor in checkpoint.model.state_dict().values())
        """Of its weights."""
        checkpoint.model.requires_grad_(False)
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

    def explain(
        self, file: Path | BinaryIO, label: int, method: Method = "grad-cam"
    ) -> Explanation:
        """Where in an image the model sees a class.

        Raises:
            ImageUnusable: with the reason.
            NotExplainable: the method has no hold on this network, or the model's answer is no number.
        """
        pre = self._checkpoint.preprocessing
        picture = Form(pre).open(file, self._max_pixels)
        heat = heat_map(
            self._checkpoint.model, self._normalised(prepare(picture, pre)[None]), label, method
        )
        return Explanation(heat, middle_box(size_of(picture), pre.resize, pre.size))

    def _predict_batch(
        self, files: Sequence[tuple[str, Path | BinaryIO]], top: int
    ) -> list[Answer]:
        preprocessing = self._checkpoint.preprocessing
        inputs, reasons = [], {}
        for i, (_, file) in enumerate(files):
            try:
                inputs.append(read_input(file, preprocessing, self._max_pixels))
            except ImageUnusable as error:
                reasons[i] = str(error)
        rows = iter(self._probabilities(torch.stack(inputs)) if inputs else torch.empty(0))
        return [
            Answer(name, (), reasons[i]) if i in reasons else self._answer(name, next(rows), top)
            for i, (name, _) in enumerate(files)
        ]

    @torch.inference_mode()
    def _probabilities(self, inputs: torch.Tensor) -> torch.Tensor:
        logits = Pieces().forward(self._checkpoint.model, self._normalised(inputs))
        return logits.double().softmax(1).cpu()

    def _normalised(self, inputs: torch.Tensor) -> torch.Tensor:
        images = normalise(inputs.to(self._device.torch_device), self._checkpoint.preprocessing)
        return images.contiguous(memory_format=torch.channels_last)

    def _answer(self, name: str, probabilities: torch.Tensor, top: int) -> Answer:
        if not probabilities.isfinite().all():
            return Answer(name, (), _NOT_A_NUMBER)
        best = probabilities.topk(min(top, len(self.classes)))
        return Answer(
            name,
            tuple(
                (self.classes[i], p) for p, i in zip(*map(torch.Tensor.tolist, best), strict=True)
            ),
        )


class Predictors:
    """The models that were asked last, kept loaded for all who ask."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._loaded: LRUCache[tuple[str, int | None], Predictor] = LRUCache(
            _KEPT_BYTES, _counted_bytes
        )
        self._loading = Condition()

    @cachedmethod(
        attrgetter("_loaded"),
        key=lambda _self, run: (run.id, run.best_epoch),
        condition=attrgetter("_loading"),
    )
    def get(self, run: Run) -> Predictor:
        """The run's best model so far. Loading is done once, however many wait for it.

        Raises:
            UnknownRun: it was deleted.
            RunNotReady: it has no model yet.
        """
        return Predictor.of_run(self._workspace, run.id)


def _counted_bytes(predictor: Predictor) -> int:
    """Bytes of a model, but at least so many that `_KEPT_MODELS` fit, and at most all there are."""
    return min(_KEPT_BYTES, max(_KEPT_BYTES // _KEPT_MODELS, predictor.n_bytes))


def answer_json(answer: Answer) -> dict[str, Any]:
    """As the command line prints it and the server sends it."""
    top = [{"class": name, "confidence": confidence} for name, confidence in answer.top]
    return {"image": answer.name, "top": top, "error": answer.error or None}


def answers_csv(answers: Sequence[Answer]) -> str:
    """A line for each image: its name, why it cannot be used, and the likeliest classes with their confidence."""
    n = max((len(answer.top) for answer in answers), default=0)
    header = [
        "image",
        "error",
        *(f"{what} {i}" for i in range(1, n + 1) for what in ("class", "confidence")),
    ]
    rows = ([a.name, a.error, *(cell for pair in a.top for cell in pair)] for a in answers)
    return as_csv(header, rows)
