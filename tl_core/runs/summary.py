"""What there is to say about a run, in plain sentences and figures."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tl_core.backbones import get_backbone
from tl_core.config import ModelConfig, RunConfig
from tl_core.errors import UnknownBackbone
from tl_core.evaluation import Judgement, what_helps, wilson_interval
from tl_core.presets import changed_settings
from tl_core.records import Run, RunState, TestResult
from tl_core.text import number_of, percent, share

STAGE_SENTENCES = {
    "reading images": "Loading the backbone and looking up the images.",
    "preparing features": "Every image and its varied views pass once through the frozen stages; "
    "what comes out stays: the epochs that follow need not do it again.",
    "training": "The model looks at all training images once an epoch and adjusts its weights. "
    "After each epoch it is checked on the validation images.",
    "testing": "The best model answers the test images, which it has never seen; before them "
    "some training images, to be held against.",
}
"""What happens in each of `events.STAGES`."""


def headline(result: TestResult) -> str:
    """The sentence that a reader may repeat."""
    right = round(result.accuracy * result.n)
    low, high = wilson_interval(right, result.n)
    sentence = (
        f"Right on {share(right, result.n)} test images, {percent(result.accuracy)} "
        f"({100 * low:.0f}–{100 * high:.0f} %); always guessing the biggest class would be "
        f"{_whole(result.baseline_accuracy)}."
    )
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def _whole(share: float) -> str:
    """`23 %`; with a decimal where there would be nothing left without it."""
    return percent(share) if 0 < share < 0.01 else f"{100 * share:.0f} %"


def caution(result: TestResult, model: ModelConfig, kind: str = "unknown") -> str:
    """A warning where the figure does not mean what a reader would take it for, else nothing.

    Args:
        kind: of its `Fit`, which decides what may help.
    """
    low, high = wilson_interval(round(result.accuracy * result.n), result.n)
    if result.baseline_accuracy == 1:
        return (
            "All test images are of the biggest class, so this says nothing about the others. "
            "Give the dataset test images of every class."
        )
    if low <= result.baseline_accuracy:
        return f"This is not clearly better than always guessing the biggest class. {what_helps(model, kind)}"
    if high - low > 0.2:
        return (
            f"{number_of(result.n, 'test image')} are few: on others the share could well lie "
            f"anywhere between {100 * low:.0f} and {100 * high:.0f} %."
        )
    return ""


def missing_words(test: Judgement) -> str:
    """What the figures of a split cannot say, and why; nothing where they say all."""
    if test.roc_auc is not None:
        return ""
    return "All these images are of one class: they cannot show how well it tells classes apart, and there is no ROC AUC."


def seen_before(run: Run) -> str:
    """Of a run that carries on from another, what that takes from its test; nothing of others."""
    if not (before := run.facts.continues):
        return ""
    return (
        "The test images had been looked at before, by the run that it carries on from "
        f"({before}): figures on them may flatter it a little."
    )


def recipe_words(config: RunConfig) -> str:
    """`ResNet-18, last 2 stages fine-tuned, two-phase`."""
    how = {"never": "", "two-phase": ", two-phase", "gradual": ", unfrozen gradually"}[
        config.train.unfreeze
    ]
    return model_words(config.model) + how


def model_words(config: ModelConfig) -> str:
    """`EfficientNet-Lite0, all stages frozen`."""
    return f"{backbone_title(config)}, {depth_words(config)}"


def backbone_title(config: ModelConfig) -> str:
    """May hold user text, where the backbone is not known here."""
    try:
        return get_backbone(config.backbone).title
    except UnknownBackbone:
        return config.backbone


def depth_words(config: ModelConfig) -> str:
    """How much of the backbone stays as it is."""
    if not config.pretrained:
        return "from random weights"
    if config.frozen_layers is not None:
        words = (
            f"first {number_of(config.frozen_layers, 'layer')} frozen"
            if config.frozen_layers
            else "fine-tuned"
        )
    elif config.frozen_stages == "all":
        words = "all stages frozen"
    elif config.frozen_stages == 0:
        words = "all stages fine-tuned"
    elif config.frozen_stages < 0:
        n = -config.frozen_stages
        words = f"last {'stage' if n == 1 else f'{n} stages'} fine-tuned"
    else:
        n = config.frozen_stages
        words = f"first {'stage' if n == 1 else f'{n} stages'} frozen"
    return f"{words}, some layers kept by name" if config.frozen_names else words


def changes_of(run: Run) -> dict[str, Any]:
    """The settings that somebody has chosen otherwise than the defaults; what the machine chose is not among them."""
    left = run.facts.left_to_machine
    return {name: value for name, value in changed_settings(run.config).items() if name not in left}


def is_busy(run: Run) -> bool:
    """Whether it is under way or will be by itself."""
    return run.state in (RunState.QUEUED, RunState.RUNNING)


def runs_compared(runs: Sequence[Run], comparison_id: str) -> list[Run]:
    """Those of `runs` that belong to a comparison, in the order of the queue; not what was continued from one."""
    found = [
        run for run in runs if run.facts.comparison == comparison_id and not run.facts.continues
    ]
    return sorted(found, key=lambda run: run.created_at)


def n_ahead(run: Run, runs: Sequence[Run]) -> int:
    """How many runs come before a queued one.

    Args:
        runs: all of them, newest first.
    """
    ids = [other.id for other in runs]
    older = runs[ids.index(run.id) + 1 :] if run.id in ids else runs
    running = sum(other.state is RunState.RUNNING for other in runs)
    return running + sum(other.state is RunState.QUEUED for other in older)


def queue_words(n: int) -> str:
    if n == 0:
        return "Next in line: it starts in a moment."
    return f"Waiting: {number_of(n, 'run')} {'is' if n == 1 else 'are'} ahead of this one."


def seconds_taken(run: Run, now: float | None = None) -> float | None:
    """All that its model took so far, without the time that it lay still; None before it began and while it is paused.

    A run that was resumed, or continues another, has taken what went before as well. One that was stopped may have been
    found, or given up, long after: of it what its stages took is known.
    """
    stages = sum(run.facts.seconds_by_stage.values())
    if run.started_at is None or run.state is RunState.PAUSED:
        return None
    if run.state in (RunState.QUEUED, RunState.CANCELLED, RunState.INTERRUPTED) and stages:
        return float(stages)
    end = run.finished_at
    if end is None:
        end = time.time() if now is None else now
    taken = run.facts.seconds_before + max(0.0, end - run.started_at)
    return taken if is_busy(run) else max(taken, float(stages))


def when(timestamp: float, timezone: str | None) -> str:
    """`21 Nov 2026, 05:41` in the reader's time zone."""
    try:
        zone = ZoneInfo(timezone) if timezone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        zone = UTC
        timezone = None
    moment = datetime.fromtimestamp(timestamp, zone)
    return f"{moment.day} {moment:%b %Y, %H:%M}{'' if timezone else ' UTC'}"


def class_names(run: Run, n: int) -> list[str]:
    """As they were when the run was made, so that they outlive the dataset."""
    return list(run.facts.classes) or [f"class {label + 1}" for label in range(n)]
