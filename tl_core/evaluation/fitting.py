"""What the curves of a run say: learned by heart, not learned enough, or neither, and how one can tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.config import ModelConfig
from tl_core.evaluation.judging import Judgement
from tl_core.records import MetricPoint
from tl_core.text import number_of, percent

_RISE = 0.1
"""Share by which validation loss has to rise above its best to be called rising, and by how many nats at least."""
_LEAST_RISE = 0.05
_FALL, _LEAST_FALL = 0.05, 0.01
"""Share by which it has to fall over the last third of the epochs to be called falling, and by how many nats."""
_GAP = 0.1
"""Of accuracy, between training and validation, to be called a gap."""


@dataclass(frozen=True, slots=True)
class Fit:
    kind: str
    """"over", "under", "good" or "unknown"."""
    sentence: str
    """What it is and the figures that say so."""


def judge_fit(points: Sequence[MetricPoint], best_epoch: int | None, model: ModelConfig) -> Fit:
    """From a run's curves.

    Args:
        points: all that the run wrote down.
        best_epoch: whose weights were kept.
        model: what was trained, since it decides what may help.
    """
    val, train = _curve(points, "val", "loss"), _curve(points, "train", "loss")
    if best_epoch not in val or len(val) < 3:
        few = f"{number_of(len(val), 'epoch')} {'is' if len(val) == 1 else 'are'} too few"
        return Fit("unknown", f"{few} to say whether it learned too much or too little.")
    lowest, last = min(val, key=val.__getitem__), max(val)
    best = val[lowest]
    right = {split: _curve(points, split, "accuracy").get(best_epoch) for split in ("train", "val")}
    gap = _gap_words(best_epoch, right["train"], right["val"])
    if val[last] > best + max(_RISE * best, _LEAST_RISE) and train[last] < train[lowest]:
        return Fit(
            "over",
            f"It began to learn the training images by heart: after epoch {lowest} the validation loss rose from "
            f"{best:.3f} to {val[last]:.3f} while the training loss {_fell(train[lowest], train[last])}; the model of "
            f"epoch {best_epoch} was kept.{gap} {what_helps(model, 'over')}",
        )
    earlier = sorted(val)[-1 - max(1, len(val) // 3)]
    if lowest == last and val[last] < val[earlier] - max(_FALL * val[earlier], _LEAST_FALL):
        return Fit(
            "under",
            f"It was still learning when it ended: the validation loss fell from {val[earlier]:.3f} in epoch {earlier} "
            f"to {val[last]:.3f} in epoch {last}, the last. More epochs may do better.{gap}",
        )
    if right["train"] is not None and right["val"] is not None and right["train"] - right["val"] > _GAP:
        return Fit(
            "over",
            f"It knows the training images better than new ones.{gap} {what_helps(model, 'over')}",
        )
    return Fit(
        "good",
        f"It learned about as much as it could in this way: the validation loss was lowest, {best:.3f}, in epoch "
        f"{lowest} of {last}, and neither rose nor fell much at the end.{gap}",
    )


def _curve(points: Sequence[MetricPoint], split: str, name: str) -> dict[int, float]:
    """By epoch."""
    return {point.epoch: point.value for point in points if point.split == split and point.name == name}


def _gap_words(epoch: int, train: float | None, val: float | None) -> str:
    if train is None or val is None:
        return ""
    return (
        f" In epoch {epoch}, {percent(train)} of training images were named rightly, and {percent(val)} of validation "
        "images."
    )


def _fell(start: float, end: float) -> str:
    """Only as far as it can be seen in the figures."""
    first, last = f"{start:.3f}", f"{end:.3f}"
    return f"stayed at {last}" if first == last else f"fell from {first} to {last}"


def what_helps(model: ModelConfig, kind: str) -> str:
    """What may make a model better that came out as `kind` of `Fit`: one answer for all who give one."""
    if kind == "over":
        means = ["More images", "stronger augmentation"]
        is_all_frozen = model.frozen_stages == "all" and model.frozen_layers is None
        last = "" if is_all_frozen else "more frozen stages"
    else:
        means = ["More images", "more epochs"]
        last = f"{'fewer' if model.keeps_any else 'more'} frozen stages"
    if not model.pretrained:
        last = "starting from pretrained weights"
    *first, end = [*means, *([last] if last else [])]
    return f"{', '.join(first)} or {end} may help."


def judge_promise(val: Judgement, test: Judgement) -> str:
    """Whether the test kept what validation promised, in a sentence with both figures."""
    figures = (
        f"{percent(val.accuracy.value)} of {val.n:,} validation images and {percent(test.accuracy.value)} of "
        f"{test.n:,} test images were named rightly"
    )
    if not _are_apart(val, test):
        return f"The test kept what validation promised: {figures}, no further apart than chance would have it."
    if val.accuracy.value > test.accuracy.value:
        return (
            f"Validation promised more than the test kept: {figures}. The best epoch was chosen on the validation "
            "images, so their figure flatters; believe the test."
        )
    return f"The test went better than validation promised: {figures}. Its images may be easier ones."


def _are_apart(one: Judgement, other: Judgement) -> bool:
    """Whether the 95 % interval of the difference of two accuracies, after Newcombe (1998), leaves out 0."""
    less, more = sorted((one.accuracy, other.accuracy), key=lambda figure: figure.value)
    return more.value - less.value > math.hypot(more.value - more.low, less.high - less.value)
