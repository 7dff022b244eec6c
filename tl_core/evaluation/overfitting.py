"""Diagnosis of a run's learning curves: overfitting, underfitting or neither."""

from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.config import ModelConfig
from tl_core.evaluation.kept_epoch import why_kept
from tl_core.evaluation.proportions import Guessing, Share, tells_classes_apart
from tl_core.evaluation.scores import Judgement
from tl_core.records import MetricPoint, Prediction, Run
from tl_core.text import number_of, percent

_RISE = 0.1
"""Relative rise of the validation loss above its minimum that counts as rising."""
_LEAST_RISE = 0.05
"""Smallest such rise, in nats."""
_FALL = 0.05
"""Relative fall of the validation loss over the last third of the epochs that counts as falling.

Relative to the loss, or to its whole fall until then, whichever is less.
"""
_LEAST_FALL = 0.01
"""Smallest such fall, in nats."""
_GAP = 0.1
"""Difference of training and validation accuracy that counts as a gap."""


@dataclass(frozen=True, slots=True)
class Fit:
    kind: str
    """Kind: "over", "under", "good", "nothing" (learned) or "unknown"."""
    sentence: str
    """Sentence with the diagnosis and its figures."""


def judge_fit(
    run: Run, points: Sequence[MetricPoint], val: Sequence[Prediction], n_classes: int
) -> Fit:
    """Diagnose a run by its learning curves and its kept model's predictions.

    Args:
        points: all metrics of the run.
        val: predictions of the kept model on validation; empty if they were not stored.
    """
    losses = _curve(points, "val", "loss")
    # From two epochs, no course can be told.
    if run.best_epoch not in losses or len(losses) < 3:
        few = f"{number_of(len(losses), 'epoch')} {'is' if len(losses) == 1 else 'are'} too few"
        return Fit("unknown", f"{few} to say whether it learned too much or too little.")
    course = _Course(run, run.best_epoch, points, losses)
    # The first diagnosis that applies: later ones suppose that something was learned.
    return (
        _judge_nothing(course, val, n_classes)
        or _judge_by_heart(course)
        or _judge_unfinished(course)
        or _judge_gap(course)
        or Fit(
            "good",
            "It learned about as much as it could in this way: the validation loss was lowest, "
            f"{losses[course.lowest]:.3f}, in epoch {course.lowest} of {course.last}, and neither "
            f"rose nor fell much at the end.{course.kept_words}{course.gap_words}",
        )
    )


@dataclass(frozen=True, slots=True)
class _Course:
    """Learning curves of a run, as far as the diagnosis needs them."""

    run: Run
    kept: int
    """Epoch whose weights were kept."""
    points: Sequence[MetricPoint]
    losses: dict[int, float]
    """Validation loss by epoch."""

    @property
    def lowest(self) -> int:
        return min(self.losses, key=self.losses.__getitem__)

    @property
    def last(self) -> int:
        return max(self.losses)

    @property
    def checked(self) -> Share | None:
        """Accuracy of the kept model on plain training images; None if it was not measured."""
        check = self.run.facts.train_check
        return Share(check.accuracy, check.n) if check else None

    def right(self, split: str) -> dict[int, Share]:
        """Return the accuracy by epoch; in training it is a running mean."""
        return {
            p.epoch: Share(p.value, p.n)
            for p in self.points
            if p.split == split and p.name == "accuracy"
        }

    @property
    def sides(self) -> tuple[Share, Share] | None:
        """Training and validation accuracy of the kept epoch, if both are known."""
        # The running mean lags behind the kept weights, so it is the second choice.
        train = self.checked or self.right("train").get(self.kept)
        val = self.right("val").get(self.kept)
        return (train, val) if train and val else None

    @property
    def kept_words(self) -> str:
        """Sentence on why not the epoch of the lowest loss was kept, with a space in front."""
        words = why_kept(self.kept, self.lowest, self.right("val"))
        return f" {words}" if words else ""

    @property
    def gap_words(self) -> str:
        """Sentence about both accuracies, with a space in front; may be empty."""
        if not self.sides:
            return ""
        train = self.sides[0].words("training image")
        val = self.sides[1].words("validation image")
        is_augmented = self.run.config.augment.is_on
        if self.checked:
            without = ", without augmentation" if is_augmented else ""
            return (
                f" Asked again afterwards{without}, the kept model, of epoch {self.kept}, names "
                f"{train} rightly, and {val}."
            )
        augmented = ", on augmented images" if is_augmented else ""
        return (
            f" In epoch {self.kept} it named {train} rightly, while it was learning{augmented}, "
            f"and {val}."
        )


def _judge_nothing(course: _Course, val: Sequence[Prediction], n_classes: int) -> Fit | None:
    guessing = Guessing.among(val, n_classes)
    right = course.right("val").get(course.kept)
    loss = course.losses[course.kept]
    trained = list(course.right("train").values())
    if course.checked:
        trained.append(course.checked)
    if (
        right is None
        or not guessing.is_as_good_as(right, loss)
        or tells_classes_apart(val, n_classes)
    ):
        return None
    # A model that knows its training images has learned something, if only by heart.
    if any(share.is_better_than(guessing.accuracy) for share in trained):
        return None
    return Fit(
        "nothing",
        f"It has learned nothing yet: after epoch {course.kept}, its best, it named "
        f"{right.words('validation image')} rightly, where guessing would name "
        f"{percent(guessing.accuracy)}; the validation loss was {loss:.3f}, that of guessing "
        f"{guessing.loss:.3f}. {what_helps(course.run.config.model, 'nothing')}",
    )


def _judge_by_heart(course: _Course) -> Fit | None:
    val = course.losses
    train = _curve(course.points, "train", "loss")
    lowest = course.lowest
    last = course.last
    # A relative bound alone would take noise near a loss of 0 for a rise.
    least_rise = max(_RISE * val[lowest], _LEAST_RISE)
    # If the training loss rose too, the images were not learned by heart.
    if val[last] <= val[lowest] + least_rise or train[last] >= train[lowest]:
        return None
    kept = course.kept_words or f" The model of epoch {course.kept} was kept."
    return Fit(
        "over",
        f"It began to learn the training images by heart: after epoch {lowest} the validation "
        f"loss rose from {val[lowest]:.3f} to {val[last]:.3f} while the training loss "
        f"{_fell(train[lowest], train[last])}.{kept}{course.gap_words} "
        f"{what_helps(course.run.config.model, 'over')}",
    )


def _judge_unfinished(course: _Course) -> Fit | None:
    val = course.losses
    last = course.last
    earlier = sorted(val)[-1 - max(1, len(val) // 3)]
    whole_fall = max(0.0, val[min(val)] - val[earlier])
    least_fall = max(_LEAST_FALL, _FALL * min(val[earlier], whole_fall))
    if course.lowest != last or val[last] >= val[earlier] - least_fall:
        return None
    fall = (
        f"from {val[earlier]:.3f} in epoch {earlier} to {val[last]:.3f} in epoch {last}, the last."
    )
    # Where the accuracy was better before, the falling loss is no reason for more epochs.
    if course.kept != last:
        return Fit(
            "unknown",
            f"The validation loss was still falling when it ended, {fall}{course.kept_words} Loss "
            "and accuracy disagree, so it is open whether more epochs would do better."
            f"{course.gap_words}",
        )
    return Fit(
        "under",
        f"It was still learning when it ended: the validation loss fell {fall} More epochs may do "
        f"better.{course.gap_words}",
    )


def _judge_gap(course: _Course) -> Fit | None:
    if not course.sides or course.sides[0].value - course.sides[1].value <= _GAP:
        return None
    train, val = course.sides
    better = "it knows the training images better than new ones"
    # With few images, a gap of this size may be chance.
    if train.is_apart_from(val):
        return Fit(
            "over",
            f"I{better[1:]}.{course.gap_words} {what_helps(course.run.config.model, 'over')}",
        )
    few = f"{number_of(val.n, 'validation image')} {'is' if val.n == 1 else 'are'} too few"
    return Fit("unknown", f"{few} to tell whether {better}.{course.gap_words}")


def _curve(points: Sequence[MetricPoint], split: str, name: str) -> dict[int, float]:
    """Return a metric by epoch."""
    return {
        point.epoch: point.value for point in points if point.split == split and point.name == name
    }


def _fell(start: float, end: float) -> str:
    """Describe a fall by the digits that are shown."""
    first = f"{start:.3f}"
    last = f"{end:.3f}"
    return f"stayed at {last}" if first == last else f"fell from {first} to {last}"


def what_helps(model: ModelConfig, kind: str) -> str:
    """Advise what may improve a model that was diagnosed as `kind` of `Fit`."""
    if kind == "nothing":
        means = ["Another learning rate", "more epochs"]
        last = f"{'fewer' if model.keeps_any else 'more'} frozen stages"
    elif kind == "over":
        means = ["More images", "stronger augmentation"]
        is_all_frozen = model.frozen_stages == "all" and model.frozen_layers is None
        # More than the whole backbone cannot be frozen.
        last = "" if is_all_frozen else "more frozen stages"
    else:
        means = ["More images", "more epochs"]
        last = f"{'fewer' if model.keeps_any else 'more'} frozen stages"
    if not model.pretrained:
        last = "starting from pretrained weights"
    *first, end = [*means, *([last] if last else [])]
    return f"{', '.join(first)} or {end} may help."


def judge_promise(val: Judgement, test: Judgement) -> str:
    """Compare test and validation accuracy in a sentence with both."""
    figures = (
        f"{percent(val.accuracy.value)} of {val.n:,} validation images and "
        f"{percent(test.accuracy.value)} of {test.n:,} test images were named rightly"
    )
    if not Share(val.accuracy.value, val.n).is_apart_from(Share(test.accuracy.value, test.n)):
        return (
            f"The test kept what validation promised: {figures}, no further apart than chance "
            "would have it."
        )
    if val.accuracy.value > test.accuracy.value:
        return (
            f"Validation promised more than the test kept: {figures}. The best epoch was chosen "
            "on the validation images, so their figure flatters; believe the test."
        )
    return (
        f"The test went better than validation promised: {figures}. Its images may be easier ones."
    )
