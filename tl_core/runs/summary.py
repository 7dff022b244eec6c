"""Summaries of a run in sentences and figures."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tl_core.backbones import get_backbone
from tl_core.config import ModelConfig, RunConfig
from tl_core.data.small_samples import FEW_TO_TEST
from tl_core.errors import UnknownBackbone
from tl_core.evaluation import Judgement, what_helps, wilson_interval
from tl_core.presets import changed_settings
from tl_core.records import Run, RunState, TestResult
from tl_core.store import RunQuery, RunSummary, Store
from tl_core.text import number_of, percent, share

STAGE_SENTENCES = {
    "reading images": "Loading the backbone and looking up the images.",
    "preparing features": "Every image, and its augmented views, passes once through the frozen "
    "stages; the results are cached, so that later epochs need not compute them again.",
    "training": "In each epoch the model sees all training images once and adjusts its weights. "
    "After each epoch it is evaluated on the validation images.",
    "testing": "The best model is tested on the test images, which it has never seen, and checked "
    "on some training images for comparison.",
}
"""Description of each of `events.STAGES`."""
_WIDE = 0.2
"""Width of the test accuracy's interval above which the test images are called few."""
_UNFREEZING = {"never": "", "two-phase": ", two-phase", "gradual": ", unfrozen gradually"}


def headline(result: TestResult) -> str:
    """State the test accuracy with its interval, and the baseline."""
    right = round(result.accuracy * result.n)
    low, high = wilson_interval(right, result.n)
    sentence = (
        f"Right on {share(right, result.n)} test images, {percent(result.accuracy)} "
        f"({100 * low:.0f}–{100 * high:.0f} %); always guessing the most frequent class would "
        f"reach {_rounded(result.baseline_accuracy)}."
    )
    # Otherwise a line may break between a number and its sign.
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def _rounded(share: float) -> str:
    """Format a share without decimals, or with one if it would round to zero: `23 %`, `0.4 %`."""
    return percent(share) if 0 < share < 0.01 else f"{100 * share:.0f} %"


def caution(result: TestResult, model: ModelConfig, kind: str) -> str:
    """Warn if the test accuracy says less than it seems to; empty otherwise.

    Args:
        kind: `Fit.kind` of the run, which decides what may help.
    """
    low, high = wilson_interval(round(result.accuracy * result.n), result.n)
    if result.baseline_accuracy == 1:
        return (
            "All test images are of the most frequent class, so this says nothing about the "
            "others. Give the dataset test images of every class."
        )
    is_small = high - low > _WIDE or result.n < FEW_TO_TEST
    few = f"{number_of(result.n, 'test image')} {'is' if result.n == 1 else 'are'} few"
    if low <= result.baseline_accuracy:
        also = f", and {few}" if is_small else ""
        return (
            f"This is not clearly better than always guessing the most frequent class{also}. "
            f"{what_helps(model, kind)}"
        )
    return f"{few}: {_range_words(round(100 * low), round(100 * high))}" if is_small else ""


def _range_words(low: int, high: int) -> str:
    """Say in which range, from `low` to `high` in percent, the accuracy lies for all images."""
    return (
        f"on all such images the accuracy most likely lies between {low} and {high} % "
        f"({number_of(high - low, 'point')} wide)."
    )


def missing_words(test: Judgement) -> str:
    """Explain why a split has no ROC AUC; empty if it has one."""
    if test.roc_auc is not None:
        return ""
    return (
        "All these images are of one class, so they cannot show how well the model tells classes "
        "apart, and there is no ROC AUC."
    )


def seen_before(run: Run) -> str:
    """State which run used a continued run's test images before; empty for other runs."""
    if not (before := run.facts.continues):
        return ""
    return (
        "The test images had been looked at before, by the run that this one continues "
        f"({before}), so figures on them may be slightly optimistic."
    )


def recipe_words(config: RunConfig) -> str:
    """Describe backbone, depth and unfreezing: `ResNet-18, last 2 stages fine-tuned, two-phase`."""
    return model_words(config.model) + _UNFREEZING[config.train.unfreeze]


def model_words(config: ModelConfig) -> str:
    """Describe backbone and depth: `EfficientNet-Lite0, all stages frozen`."""
    return f"{backbone_title(config)}, {depth_words(config)}"


def backbone_title(config: ModelConfig) -> str:
    """Return the backbone's title, or its name, which may be user text, if it is unknown here."""
    return title_of(config.backbone)


def title_of(backbone: str) -> str:
    """Return the title of the backbone with this name, or the name if it is unknown here."""
    try:
        return get_backbone(backbone).title
    except UnknownBackbone:
        return backbone


def depth_words(config: ModelConfig) -> str:
    """Describe which part of the backbone is frozen."""
    if not config.pretrained:
        return "from random weights"
    words = _frozen_words(config)
    return f"{words}, some layers frozen by name" if config.frozen_names else words


def _frozen_words(config: ModelConfig) -> str:
    if config.frozen_layers is not None:
        layers = number_of(config.frozen_layers, "layer")
        return f"first {layers} frozen" if config.frozen_layers else "fine-tuned"
    if config.frozen_stages == "all":
        return "all stages frozen"
    if config.frozen_stages == 0:
        return "all stages fine-tuned"
    n = abs(config.frozen_stages)
    stages = "stage" if n == 1 else f"{n} stages"
    # A negative number counts the fine-tuned stages from the end.
    return f"last {stages} fine-tuned" if config.frozen_stages < 0 else f"first {stages} frozen"


def changes_of(run: Run) -> dict[str, Any]:
    """Return the settings that the user changed from the defaults, without automatic choices."""
    automatic = run.facts.left_to_machine
    changed = changed_settings(run.config)
    return {name: value for name, value in changed.items() if name not in automatic}


def is_busy(run: Run | RunSummary) -> bool:
    """Return whether the run is queued or running."""
    return run.state in (RunState.QUEUED, RunState.RUNNING)


def runs_compared(store: Store, comparison_id: str) -> list[Run]:
    """List the runs of a comparison in the order they were queued, without those that go on."""
    return members_of(store.list_runs(RunQuery(comparison=comparison_id)), comparison_id)


def members_of(runs: Sequence[Run], comparison_id: str) -> list[Run]:
    """Return the members of a comparison among runs likewise."""
    members = [
        run for run in runs if run.facts.comparison == comparison_id and not run.facts.continues
    ]
    return sorted(members, key=lambda run: run.created_at)


def queue_words(n: int, is_held: bool = False, rests: bool = False) -> str:
    """Describe the place in the queue of a run with `n` others ahead.

    Args:
        is_held: no run is to start at the moment.
        rests: the training time of its owner is used up.
    """
    if rests:
        return "Waiting: the training time of its owner is used up."
    ahead = f"{number_of(n, 'run')} {'is' if n == 1 else 'are'} ahead of this one."
    if is_held:
        return f"Waiting: the queue is held. {ahead if n else 'This run is the next one.'}"
    return f"Waiting: {ahead}" if n else "Next in line: it starts in a moment."


def seconds_taken(run: Run, now: float | None = None) -> float | None:
    """Return the time that a run took so far, without pauses.

    Time before the run was resumed, and time of the run that it continues, counts as well.

    Returns:
        Seconds; None before the run starts and while it is paused.
    """
    stages = float(sum(run.facts.seconds_by_stage.values()))
    if run.started_at is None or run.state is RunState.PAUSED:
        return None
    # Such a run may have ended, or been cancelled in a pause, long after it last computed.
    if run.state in (RunState.QUEUED, RunState.CANCELLED, RunState.INTERRUPTED) and stages:
        return stages
    end = run.finished_at
    if end is None:
        end = time.time() if now is None else now
    # A clock that was set back must not give a negative duration.
    taken = run.facts.seconds_before + max(0.0, end - run.started_at)
    return taken if is_busy(run) else max(taken, stages)


def when(timestamp: float, timezone: str | None) -> str:
    """Format a moment in the reader's time zone: `21 Nov 2026, 05:41`; in UTC if unknown."""
    try:
        zone = ZoneInfo(timezone) if timezone else UTC
    # The zone may be missing on this machine, or be no valid key (`ValueError`).
    except (ZoneInfoNotFoundError, ValueError):
        zone = UTC
        timezone = None
    moment = datetime.fromtimestamp(timestamp, zone)
    return f"{moment.day} {moment:%b %Y, %H:%M}{'' if timezone else ' UTC'}"


def class_names(run: Run, n: int) -> list[str]:
    """Return the class names as stored in the run, or numbered ones for old runs without them."""
    return list(run.facts.classes) or [f"class {label + 1}" for label in range(n)]
