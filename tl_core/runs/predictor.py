"""Predictions of a run's model for new images."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from threading import Condition
from typing import Any, BinaryIO

import torch
from cachetools import LRUCache, cachedmethod

from tl_core.cancellation import NEVER, Stop
from tl_core.data.decoders import get_decoders
from tl_core.data.loaders import read_input
from tl_core.data.pixels import Form
from tl_core.data.resizing import Box, middle_box, size_of
from tl_core.data.transforms import normalise, prepare
from tl_core.errors import ImageUnusable
from tl_core.evaluation.explain import Method, heat_map
from tl_core.features import Pieces
from tl_core.records import Run
from tl_core.runs.models import load_model
from tl_core.spreadsheet import as_csv
from tl_core.training import Checkpoint, Device, pick_device
from tl_core.workspace import Workspace

ImageFile = Path | BinaryIO | Callable[[], BinaryIO]

_BATCH = 32
_CACHED_MODELS = 8
"""Largest number of cached models, however small they are."""
_CACHED_BYTES = 10**9
_IDLE_SECONDS = 120.0
"""Time after which a model that nobody asks is forgotten; loading it again takes a moment."""
_NOT_A_NUMBER = (
    "The model's prediction is not a number, because training diverged. Train again with a "
    "smaller learning rate."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Prediction for one image, or the reason why there is none."""

    name: str
    """Name of the image, as it was given. User text."""
    top: tuple[tuple[str, float], ...]
    """Likeliest classes with their confidence, in descending order; empty with an error."""
    error: str = ""
    """Reason why there is no prediction, as a sentence."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Heat-map of one class on one image."""

    heat: torch.Tensor
    """Float32 [side, side], scaled to a maximum of 1, of the square crop that the model sees."""
    seen: Box
    """Left, top, right and bottom of that crop, in shares of the upright image's sides."""


class Predictor:
    """Best model of a run, loaded once, with the decoder and preprocessing of the test.

    Several threads may use it at once.
    """

    def __init__(self, checkpoint: Checkpoint, device: Device, max_pixels: int) -> None:
        self._checkpoint = checkpoint
        self._device = device
        # Images come from anywhere, and the server that answers must outlive them.
        self._decoders = get_decoders()
        self.max_pixels = max_pixels
        """Limit on the pixels of an image."""
        self.classes = checkpoint.classes
        """Class names in the order of the logits. User text."""
        self.levels = checkpoint.preprocessing.levels
        """Black and white of samples with more than 8 bits."""
        self.n_bytes: int = sum(tensor.nbytes for tensor in checkpoint.model.state_dict().values())
        """Size of the weights."""
        # Heat-maps need gradients of activations, but never of weights.
        checkpoint.model.requires_grad_(False)
        device.place(checkpoint.model)

    @classmethod
    def of_run(cls, workspace: Workspace, run_id: str) -> "Predictor":
        """Load the best model of a run.

        Raises:
            UnknownRun: no run has this id.
            RunNotReady: it has no model yet.
        """
        run = workspace.store.get_run(run_id)
        checkpoint = load_model(workspace, run)
        return cls(checkpoint, pick_device(), workspace.settings.limits.max_pixels)

    def predict(
        self, files: Sequence[tuple[str, ImageFile]], top: int = 5, stop: Stop = NEVER
    ) -> list[Answer]:
        """Predict each (name, file), in order; unusable images get a reason instead.

        Args:
            files: a function is called when the file's turn comes; it may raise ImageUnusable.
            top: number of classes to name for each image.
            stop: asked before each image.

        Raises:
            Cancelled: `stop` said so.
        """
        answers: list[Answer] = []
        for start in range(0, len(files), _BATCH):
            answers += self._predict_batch(files[start : start + _BATCH], top, stop)
        return answers

    def explain(
        self, file: Path | BinaryIO, label: int, method: Method = "grad-cam"
    ) -> Explanation:
        """Compute a heat-map of the places in an image that speak for a class.

        Raises:
            ImageUnusable: the image cannot be used.
            NotExplainable: the method does not apply to this network, or the model's logits are
                not finite.
        """
        preprocessing = self._checkpoint.preprocessing
        picture = Form(preprocessing).open(file, self.max_pixels, self._decoders)
        inputs = self._normalised(prepare(picture, preprocessing)[None])
        heat = heat_map(self._checkpoint.model, inputs, label, method)
        seen = middle_box(size_of(picture), preprocessing.resize, preprocessing.size)
        return Explanation(heat, seen)

    def _predict_batch(
        self, files: Sequence[tuple[str, ImageFile]], top: int, stop: Stop
    ) -> list[Answer]:
        preprocessing = self._checkpoint.preprocessing
        inputs: list[torch.Tensor] = []
        reasons: dict[int, str] = {}
        for i, (_, file) in enumerate(files):
            stop.check()
            try:
                content = file() if callable(file) else file
                inputs.append(read_input(content, preprocessing, self.max_pixels, self._decoders))
            except ImageUnusable as error:
                reasons[i] = str(error)
        rows = iter(self._probabilities(torch.stack(inputs)) if inputs else ())
        return [
            Answer(name, (), reasons[i]) if i in reasons else self._answer(name, next(rows), top)
            for i, (name, _) in enumerate(files)
        ]

    @torch.inference_mode()
    def _probabilities(self, inputs: torch.Tensor) -> torch.Tensor:
        logits = Pieces().forward(self._checkpoint.model, self._normalised(inputs))
        # Float32 would round confidences just below 1 up to 1.
        return logits.double().softmax(1).cpu()

    def _normalised(self, inputs: torch.Tensor) -> torch.Tensor:
        images = normalise(inputs.to(self._device.torch_device), self._checkpoint.preprocessing)
        # The same layout as in training and test, because convolutions round differently in
        # another.
        return images.contiguous(memory_format=torch.channels_last)

    def _answer(self, name: str, probabilities: torch.Tensor, top: int) -> Answer:
        # `topk` names classes even for NaN.
        if not probabilities.isfinite().all():
            return Answer(name, (), _NOT_A_NUMBER)
        best = probabilities.topk(min(top, len(self.classes)))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return Answer(name, tuple((self.classes[label], share) for label, share in pairs))


class Predictors:
    """Cache of the models that were used last, shared by all threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._loaded = LRUCache[tuple[str, int | None], Predictor](_CACHED_BYTES, _counted_bytes)
        self._loading = Condition()
        self._used_at: dict[tuple[str, int | None], float] = {}

    def get(self, run: Run) -> Predictor:
        """Return the run's best model so far; threads that wait for the same one load it once.

        Raises:
            UnknownRun: the run was deleted.
            RunNotReady: it has no model yet.
        """
        self._used_at[_key(run)] = time.monotonic()
        return self._get(run)

    def let_go_idle(self) -> None:
        """Forget the models that nobody has asked for `_IDLE_SECONDS`."""
        since = time.monotonic() - _IDLE_SECONDS
        idle = [key for key, used_at in list(self._used_at.items()) if used_at < since]
        with self._loading:
            for key in idle:
                self._loaded.pop(key, None)
                self._used_at.pop(key, None)

    @cachedmethod(
        attrgetter("_loaded"),
        key=lambda _self, run: _key(run),
        # A condition, unlike a lock, makes threads wait for a result that another computes.
        condition=attrgetter("_loading"),
    )
    def _get(self, run: Run) -> Predictor:
        return Predictor.of_run(self._workspace, run.id)


def _key(run: Run) -> tuple[str, int | None]:
    # The best epoch is part of it, since that model changes while a run trains.
    return run.id, run.best_epoch


def _counted_bytes(predictor: Predictor) -> int:
    """Return the size at which a model counts in the cache."""
    # At least a fixed share, which limits the number of models; at most the whole cache, since a
    # larger model would be refused.
    return min(_CACHED_BYTES, max(_CACHED_BYTES // _CACHED_MODELS, predictor.n_bytes))


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return an answer as the command line prints it and the server sends it."""
    top = [{"class": name, "confidence": confidence} for name, confidence in answer.top]
    return {"image": answer.name, "top": top, "error": answer.error or None}


def answers_csv(answers: Sequence[Answer]) -> str:
    """Format answers as CSV: for each image its name, error, and likeliest classes."""
    n = max((len(answer.top) for answer in answers), default=0)
    columns = (f"{name} {i}" for i in range(1, n + 1) for name in ("class", "confidence"))
    rows = ([a.name, a.error, *(cell for pair in a.top for cell in pair)] for a in answers)
    return as_csv(["image", "error", *columns], rows)
