"""Log-probabilities and timing of the exported formats."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tl_core.cancellation import Stop
from tl_core.export.formats import Ask
from tl_core.features import Examples
from tl_core.machine import read_clocks
from tl_core.records import Prediction
from tl_core.text import number_of

FLOOR = float(np.log(np.finfo(np.float32).tiny))
"""Lower bound of log-probabilities: smaller probabilities are stored as 0, being 32-bit floats."""
_NOT_FINITE = 1e9
_BUSY = 0.1
"""Share of the machine that others may take before it is told."""
_PASSES = 20
_SECONDS = 1.5
"""Time limit for timing one format; at least three passes are timed."""

Logs = NDArray[np.float64]
"""Natural logarithms of probabilities, [N, classes], none below `FLOOR`."""
Labels = NDArray[np.int64]
"""True labels, [N]."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Size, speed and agreement of one exported format."""

    name: str
    """Key of `FORMATS`."""
    n_bytes: int
    milliseconds: float
    """Median time of several passes with a single image on this machine's CPU."""
    n: int
    """Number of images predicted."""
    right: int | None
    """Number of correct predictions; None unless the images are test images."""
    same: int
    """Number of images whose predicted label is that of the reference (the app, or PyTorch)."""
    difference: float
    """Largest absolute difference of a log-probability from the reference."""
    asked: str = "test"
    """Kind of images: "test", "validation", or "random" pixels."""
    others_share: float = 0.0
    """Share of the machine that other programs took while the time was measured, 0 to 1."""


_IMAGES = {
    "test": ("test image", "test images"),
    "validation": ("validation image", "validation images"),
    "random": ("image of random pixels", "images of random pixels"),
}


def asked_words(figures: Sequence[Figures]) -> str:
    """Write `Checked on 380 test images.`; return "" if no format was checked."""
    n = max((each.n for each in figures), default=0)
    return f"Checked on {number_of(n, *_IMAGES[figures[0].asked])}." if n else ""


def as_logs(predictions: Sequence[Prediction]) -> Logs:
    """Return the log-probabilities of stored predictions."""
    # A stored probability of 0 becomes -inf, which the floor replaces.
    with np.errstate(divide="ignore"):
        logs: Logs = np.log(np.array([p.probabilities for p in predictions], np.float64))
    return np.asarray(np.maximum(logs, FLOOR))


def ask_all(
    asks: Mapping[str, Ask],
    examples: Examples,
    on_progress: Callable[[float], None],
    stop: Stop,
) -> dict[str, Logs]:
    """Return the log-probabilities of all examples by format; each image is read once.

    Raises:
        Cancelled: the work was asked to stop.
    """
    batches: dict[str, list[Logs]] = {name: [] for name in asks}
    done = 0
    for batch in examples.once():
        # All formats see the same batch, so that images are decoded only once.
        for name, ask in asks.items():
            stop.check()
            batches[name].append(logs_of(ask(batch.inputs)))
        done += len(batch.labels)
        on_progress(done / len(examples))
    return {name: np.concatenate(logs) for name, logs in batches.items()}


def logs_of(logits: Tensor) -> Logs:
    # Double precision, so that log_softmax itself adds no rounding to the comparison.
    return np.asarray(np.maximum(logits.double().log_softmax(1).numpy(), FLOOR))


def difference(one: Logs, other: Logs) -> float:
    """Return the largest absolute difference; 1e9 if it is not finite, as JSON has no infinity."""
    largest = float(np.abs(one - other).max())
    return largest if np.isfinite(largest) else _NOT_FINITE


def busy_sentence(figures: Sequence[Figures]) -> str:
    """Say that other programs made the times longer; return "" if they did not."""
    most = max((each.others_share for each in figures), default=0.0)
    if most <= _BUSY:
        return ""
    return (
        f"Other programs took up to {100 * most:.0f} % of the machine while the times were "
        "measured: alone on it, the model is faster."
    )


def milliseconds(ask: Ask, size: int) -> tuple[float, float]:
    """Return (median time for a single image, share of the machine that others took)."""
    # The time does not depend on the content of an image.
    image = torch.zeros(1, 3, size, size)
    # The first pass also allocates memory, so it is not timed.
    ask(image)
    times: list[float] = []
    before = read_clocks()
    deadline = time.perf_counter() + _SECONDS
    while len(times) < 3 or (len(times) < _PASSES and time.perf_counter() < deadline):
        start = time.perf_counter()
        ask(image)
        times.append(1000 * (time.perf_counter() - start))
    # Other programs slow down single passes, which would distort a mean.
    return statistics.median(times), read_clocks().others_share(before)
