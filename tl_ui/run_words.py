"""What there is to say about a run, in plain sentences and figures."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tl_core.backbones import CATALOG
from tl_core.config import ModelConfig
from tl_core.evaluation import wilson_interval
from tl_core.records import Run, RunState, TestResult
from tl_core.training.optimizers import learning_rates
from tl_ui.text import count, duration, number_of, percent, share

OPTIMIZERS = {"adamw": "AdamW", "sgd": "SGD with momentum"}

STAGE_SENTENCES = {
    "reading images": "Loading the backbone and looking up the images.",
    "preparing features": "Every image passes once through the frozen stages, and what comes out is kept: "
    "the epochs that follow need not do it again.",
    "training": "The model looks at all training images once an epoch and adjusts its weights. "
    "After each epoch it is checked on the validation images.",
    "testing": "The best model answers the test images, which it has never seen.",
}
"""What happens in each of `events.STAGES`."""


@dataclass(frozen=True, slots=True)
class Fact:
    term: str
    value: str
    """May hold user text."""
    glossary: str = ""
    """The entry of the glossary that explains it, where one does."""


def headline(result: TestResult) -> str:
    """The sentence that a reader may repeat."""
    right = round(result.accuracy * result.n)
    low, high = wilson_interval(right, result.n)
    sentence = (
        f"Right on {share(right, result.n)} test images, {percent(result.accuracy)} ({100 * low:.0f}–{100 * high:.0f} "
        f"%); always guessing the biggest class would be {100 * result.baseline_accuracy:.0f} %."
    )
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def caution(result: TestResult, model: ModelConfig) -> str:
    """A warning where the figure does not mean what a reader would take it for, else nothing."""
    low, high = wilson_interval(round(result.accuracy * result.n), result.n)
    if low <= result.baseline_accuracy:
        if not model.pretrained:
            remedy = "starting from pretrained weights"
        else:
            remedy = "fewer frozen stages" if frozen_stages(model) else "more frozen stages"
        return (
            "This is not clearly better than always guessing the biggest class. "
            f"More images, more epochs or {remedy} may help."
        )
    if high - low > 0.2:
        return (
            f"{number_of(result.n, 'test image')} are few: on others the share could well lie anywhere between "
            f"{100 * low:.0f} and {100 * high:.0f} %."
        )
    return ""


def model_words(config: ModelConfig) -> str:
    """`EfficientNet-Lite0, all 9 stages frozen`."""
    return f"{backbone_title(config)}, {depth_words(config)}"


def backbone_title(config: ModelConfig) -> str:
    backbone = CATALOG.get(config.backbone)
    return backbone.title if backbone else config.backbone


def depth_words(config: ModelConfig) -> str:
    """How much of the backbone stays as it is."""
    if not config.pretrained:
        return "from random weights"
    total, frozen = n_stages(config), frozen_stages(config)
    if frozen == 0:
        return "nothing frozen"
    if total is None:
        return "all stages frozen" if frozen is None else f"first {frozen} stages frozen"
    return f"all {total} stages frozen" if frozen == total else f"first {frozen} of {total} stages frozen"


def n_stages(config: ModelConfig) -> int | None:
    """None for a backbone that is no longer in the catalogue."""
    backbone = CATALOG.get(config.backbone)
    return len(backbone.stages) if backbone else None


def frozen_stages(config: ModelConfig) -> int | None:
    return n_stages(config) if config.frozen_stages == "all" else config.frozen_stages


def stop_promise(run: Run) -> str:
    """What pressing Stop now would leave."""
    if not run.epochs_done:
        return "Stopping now keeps nothing: no epoch is finished yet."
    curves = "the curve of its 1 finished epoch" if run.epochs_done == 1 else f"the curves of {run.epochs_done} epochs"
    return (
        f"Stopping now keeps {curves} and the model of epoch {run.best_epoch}, the best so far. "
        "There will be no test figure."
    )


def what_is_kept(run: Run, has_model: bool) -> str:
    """Of a run that did not reach its end."""
    if not run.epochs_done:
        return "Nothing of it is kept but its settings: no epoch was finished."
    curves = f"Kept: the curves of {number_of(run.epochs_done, 'finished epoch')}"
    return f"{curves} and the model of epoch {run.best_epoch}." if has_model else f"{curves}, but no model."


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
    """From start to end, or to now; None before it started."""
    if run.started_at is None:
        return None
    end = run.finished_at if run.finished_at is not None else now if now is not None else time.time()
    return max(0.0, end - run.started_at)


def when(timestamp: float, timezone: str | None) -> str:
    """`21 Nov 2026, 05:41` in the reader's time zone."""
    try:
        zone = ZoneInfo(timezone) if timezone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        zone, timezone = UTC, None
    moment = datetime.fromtimestamp(timestamp, zone)
    return f"{moment.day} {moment:%b %Y, %H:%M}{'' if timezone else ' UTC'}"


def class_names(run: Run, n: int) -> list[str]:
    """As they were when the run was made, so that they outlive the dataset."""
    names = run.facts.get("classes")
    return list(names) if names else [f"class {label + 1}" for label in range(n)]


def settings(run: Run) -> list[tuple[str, list[Fact]]]:
    """(heading, facts): everything that was chosen for the run, and what it found out about itself."""
    groups = [
        ("Model", _model_facts(run)),
        ("Training", _training_facts(run)),
        ("Images", _image_facts(run)),
        ("Machine", _machine_facts(run)),
        ("Time", _time_facts(run)),
    ]
    return [(heading, facts) for heading, facts in groups if facts]


def _model_facts(run: Run) -> list[Fact]:
    model = run.config.model
    head = "linear" if not model.hidden_units else f"a hidden layer of {count(model.hidden_units)} units"
    facts = [
        Fact("Backbone", backbone_title(model), "backbone"),
        Fact(
            "Pretrained", "yes, on ImageNet" if model.pretrained else "no: it began with random weights", "pretrained"
        ),
        Fact("Frozen", depth_words(model).removesuffix(" frozen") if model.pretrained else "nothing", "freeze"),
        Fact("Head", head, "head"),
        Fact("Dropout", f"{model.dropout:g}" if model.dropout else "none", "dropout"),
    ]
    trained, total = run.facts.get("trainable_parameters"), run.facts.get("total_parameters")
    if trained is not None and total:
        facts.append(Fact("Weights that learn", share(trained, total)))
    return facts


def _training_facts(run: Run) -> list[Fact]:
    train, model = run.config.train, run.config.model
    head_rate, backbone_rate = learning_rates(train, model.pretrained)
    is_backbone_trained = frozen_stages(model) != n_stages(model)
    facts = [
        Fact("Epochs", f"{run.epochs_done} of {train.epochs} done", "epoch"),
        Fact("Batch size", number_of(train.batch_size, "image"), "batch size"),
        Fact("Optimizer", OPTIMIZERS.get(train.optimizer, train.optimizer), "optimizer"),
        Fact("Learning rate of the head", f"{head_rate:g}", "learning rate"),
        Fact("Learning rate of the backbone", f"{backbone_rate:g}" if is_backbone_trained else "none: it is frozen"),
        Fact("Weight decay", f"{train.weight_decay:g}", "weight decay"),
        Fact("Augmentation", "on" if train.augment else "off", "augmentation"),
        Fact("Seed", str(train.seed), "seed"),
    ]
    views = run.facts.get("cached_views")
    if views:
        kept = number_of(views, "view") + " of each training image"
        facts.append(Fact("Kept behind the frozen stages", kept + _without_effect(views, train.augment)))
    return facts


def _without_effect(views: int, augment: bool) -> str:
    return ", so augmentation had no effect" if views == 1 and augment else ""


def _image_facts(run: Run) -> list[Fact]:
    data, splits = run.config.data, run.facts.get("splits")
    facts = [Fact("Dataset", f"{run.dataset_name} ({data.dataset_id})")]
    if splits:
        facts += [
            Fact("Training", number_of(splits["train"], "image")),
            Fact("Validation", number_of(splits["val"], "image"), "validation"),
            Fact("Test", number_of(splits["test"], "image"), "test set"),
        ]
    asked = f"{percent(data.val_fraction)} validation, {percent(data.test_fraction)} test"
    facts.append(Fact("Split", f"{asked}, unless the dataset came with its own; seed {data.split_seed}"))
    return facts + [Fact("About the split", warning) for warning in run.facts.get("split_warnings", [])]


def _machine_facts(run: Run) -> list[Fact]:
    facts = [Fact("Device", run.facts["device"])] if "device" in run.facts else []
    versions = run.facts.get("environment", {})
    words = ", ".join(f"{name} {version}" for name, version in versions.items())
    return facts + ([Fact("Software", words)] if words else [])


def _time_facts(run: Run) -> list[Fact]:
    stages = run.facts.get("seconds_by_stage", {})
    facts = [Fact(stage.capitalize(), duration(seconds)) for stage, seconds in stages.items()]
    taken = seconds_taken(run)
    return facts + ([Fact("In all", duration(taken))] if taken is not None and run.state.is_finished else [])
