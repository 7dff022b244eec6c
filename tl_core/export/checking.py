"""Log-probabilities and timing of every exported format, compared with the stored answers."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tl_core.export.formats import Ask
from tl_core.features import Examples
from tl_core.records import Prediction
from tl_core.stopping import Stop
from tl_core.text import number_of

FLOOR = float(np.log(np.finfo(np.float32).tiny))
"""Least log-probability: stored probabilities are 32-bit floats, where smaller ones are 0."""
_NO_NUMBER = 1e9
_PASSES = 20
_SECONDS = 1.5
"""Time limit for timing one format, which takes three passes at least."""

Logs = NDArray[np.float64]
"""Natural logarithms of probabilities, [N, classes], none below `FLOOR`."""
Labels = NDArray[np.int64]
"""True classes, [N]."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Size, speed and agreement of one exported format."""

    name: str
    """Key of `FORMATS`."""
    n_bytes: int
    milliseconds: float
    """Median time of several passes with a single image on this machine's CPU."""
    n: int
    """Number of images that it was asked about."""
    right: int | None
    """Number of right answers; None where the images were no test images."""
    same: int
    """Number of images for which it predicts the same class as the app."""
    difference: float
    """Greatest difference of a log-probability from the app's."""
    asked: str = "test"
    """Kind of images: "test", "validation", or "random" pixels."""


_IMAGES = {
    "test": ("test image", "test images"),
    "validation": ("validation image", "validation images"),
    "random": ("image of random pixels", "images of random pixels"),
}


def asked_words(figures: Sequence[Figures]) -> str:
    """Write `Asked about 380 test images.`; empty where no format was asked."""
    n = max((each.n for each in figures), default=0)
    return f"Asked about {number_of(n, *_IMAGES[figures[0].asked])}." if n else ""


def as_logs(predictions: Sequence[Prediction]) -> Logs:
    """Log-probabilities of stored predictions."""
    with np.errstate(divide="ignore"):
        logs: Logs = np.log(np.array([p.probabilities for p in predictions], np.float64))
    return np.asarray(np.maximum(logs, FLOOR))


def ask_all(
    asks: Mapping[str, Ask],
    examples: Examples,
    on_progress: Callable[[float], None],
    stop: Stop,
) -> dict[str, Logs]:
    """Log-probabilities from each of `asks` for all examples, which are read once.

    Raises:
        Cancelled: it was asked to stop.
    """
    said: dict[str, list[Logs]] = {name: [] for name in asks}
    done = 0
    for batch in examples.once():
        for name, ask in asks.items():
            stop.check()
            said[name].append(logs_of(ask(batch.inputs)))
        done += len(batch.labels)
        on_progress(done / len(examples))
    return {name: np.concatenate(parts) for name, parts in said.items()}


def logs_of(logits: Tensor) -> Logs:
    return np.asarray(np.maximum(logits.double().log_softmax(1).numpy(), FLOOR))


def difference(one: Logs, other: Logs) -> float:
    """Greatest absolute difference; 1e9 for one that is not finite, since JSON has no infinity."""
    found = float(np.abs(one - other).max())
    return found if np.isfinite(found) else _NO_NUMBER


def milliseconds(ask: Ask, size: int) -> float:
    """Median time for a single image, after a first pass that allocates memory."""
    image = torch.zeros(1, 3, size, size)
    taken: list[float] = []
    ask(image)
    began = time.perf_counter()
    while len(taken) < 3 or (len(taken) < _PASSES and time.perf_counter() - began < _SECONDS):
        start = time.perf_counter()
        ask(image)
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)
