"""What every format of a model says to the same images, beside what the app was told, and how long it takes."""

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
"""Probabilities are kept as 32-bit floats, which cannot tell smaller ones from 0."""
_NO_NUMBER = 1e9
_PASSES = 20
_SECONDS = 1.5
"""For timing one format, but for three passes."""

Logs = NDArray[np.float64]
"""[N, classes], logarithms of probabilities, none below `FLOOR`."""
Labels = NDArray[np.int64]
"""[N]"""


@dataclass(frozen=True, slots=True)
class Figures:
    """One format, as far as it was looked at."""

    name: str
    """A format's."""
    n_bytes: int
    milliseconds: float
    """For one image alone on this machine's CPU: the median of several passes."""
    n: int
    """Images that it was asked about; 0 where there were none."""
    right: int | None
    """None where they were no test images."""
    same: int
    """On which it gives the same answer as the app."""
    difference: float
    """Greatest difference from the app's answers, of the logarithms of probabilities."""
    asked: str = "test"
    """What the images were: of the "test", of the "validation", or "random" pixels."""


_IMAGES = {
    "test": ("test image", "test images"),
    "validation": ("validation image", "validation images"),
    "random": ("image of random pixels", "images of random pixels"),
}


def asked_words(figures: Sequence[Figures]) -> str:
    """`Asked about 380 test images.`, where any format was asked at all."""
    n = max((each.n for each in figures), default=0)
    return f"Asked about {number_of(n, *_IMAGES[figures[0].asked])}." if n else ""


def as_logs(predictions: Sequence[Prediction]) -> Logs:
    """What the store has kept."""
    with np.errstate(divide="ignore"):
        logs: Logs = np.log(np.array([p.probabilities for p in predictions], np.float64))
    return np.asarray(np.maximum(logs, FLOOR))


def ask_all(
    asks: Mapping[str, Ask],
    examples: Examples,
    on_progress: Callable[[float], None],
    stop: Stop,
) -> dict[str, Logs]:
    """What each of `asks` says to all examples, which are read once.

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
    """The greatest; a very large number where one of them is not a number, since JSON has no infinity."""
    found = float(np.abs(one - other).max())
    return found if np.isfinite(found) else _NO_NUMBER


def milliseconds(ask: Ask, size: int) -> float:
    """For one image alone; the first pass, in which memory is laid out, does not count."""
    image, taken = torch.zeros(1, 3, size, size), list[float]()
    ask(image)
    began = time.perf_counter()
    while len(taken) < 3 or (len(taken) < _PASSES and time.perf_counter() - began < _SECONDS):
        start = time.perf_counter()
        ask(image)
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)
