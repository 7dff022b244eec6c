"""Which part of the network learns when, and how fast: the phases of a run."""

from collections.abc import Iterator
from dataclasses import dataclass

from tl_core.backbones import Frozen, anatomy, get_backbone, resolve_frozen
from tl_core.config import RunConfig, TrainConfig
from tl_core.training.optimizers import learning_rates


@dataclass(frozen=True, slots=True)
class Phase:
    """Epochs in which the same parts learn; each phase begins with a fresh optimizer."""

    first_epoch: int
    """Counted from 1."""
    last_epoch: int
    """Inclusive."""
    frozen: Frozen
    rates: tuple[float, ...]
    """Base learning rate of every stage from the input, then of the head; 0.0 for a stage that is frozen whole."""

    @property
    def epochs(self) -> int:
        return self.last_epoch - self.first_epoch + 1


def make_plan(config: RunConfig) -> tuple[Phase, ...]:
    """The phases of a run, in order, covering every epoch once.

    Raises:
        ConfigError: the backbone cannot be frozen, or sized, as chosen.
    """
    stages, final = _count_stages(config), _final(config)
    starts = list(_starts(config.train, stages, final))
    lasts = [start - 1 for start, _, _ in starts[1:]] + [config.train.epochs]
    return tuple(
        Phase(first, last, frozen, _rates(config, stages, frozen, scale))
        for (first, frozen, scale), last in zip(starts, lasts, strict=True)
    )


def _count_stages(config: RunConfig) -> int:
    return len(anatomy(get_backbone(config.model.backbone), config.model.image_size).stages)


def _final(config: RunConfig) -> Frozen:
    return resolve_frozen(get_backbone(config.model.backbone), config.model)


def _starts(train: TrainConfig, stages: int, final: Frozen) -> Iterator[tuple[int, Frozen, float]]:
    """For each phase its first epoch, what is frozen, and what all rates are multiplied by."""
    if train.unfreeze == "never":
        yield 1, final, 1.0
        return
    yield 1, Frozen(stages), 1.0
    if train.unfreeze == "two-phase":
        yield train.head_epochs + 1, final, train.fine_tune_rate
        return
    for unfrozen in range(1, stages - final.stages + 1):
        first = train.head_epochs + 1 + (unfrozen - 1) * train.unfreeze_every
        if first <= train.epochs:
            yield first, Frozen(stages - unfrozen, final.modules), 1.0


def _rates(config: RunConfig, stages: int, frozen: Frozen, scale: float) -> tuple[float, ...]:
    head, backbone = learning_rates(config.train, config.model.pretrained)
    decay = config.train.layer_decay
    of_stages = [
        0.0 if i < frozen.stages else backbone * decay ** (stages - 1 - i) for i in range(stages)
    ]
    return tuple(rate * scale for rate in (*of_stages, head))


def segment_of(plan: tuple[Phase, ...], train: TrainConfig, epoch: int) -> tuple[int, int]:
    """(first, last) epoch of the course of the learning rate that `epoch` belongs to.

    Two-phase training has a course for each phase, as if trained twice. Otherwise one course spans the whole run,
    and a stage that is unfrozen later joins it where it is.
    """
    if train.unfreeze != "two-phase":
        return plan[0].first_epoch, plan[-1].last_epoch
    phase = phase_of(plan, epoch)
    return phase.first_epoch, phase.last_epoch


def phase_of(plan: tuple[Phase, ...], epoch: int) -> Phase:
    """The phase that `epoch`, counted from 1, lies in."""
    return next(phase for phase in plan if phase.first_epoch <= epoch <= phase.last_epoch)


def say_what_stays_frozen(config: RunConfig) -> str | None:
    """One sentence when gradual unfreezing ends before it has come as deep as was asked; else None."""
    left = make_plan(config)[-1].frozen.stages - _final(config).stages
    if left == 0:
        return None
    needed = (
        config.train.head_epochs
        + 1
        + (_count_stages(config) - _final(config).stages - 1) * (config.train.unfreeze_every)
    )
    return (
        f"{config.train.epochs} epochs end before unfreezing does: {left} more stage{'s' * (left > 1)} would be "
        f"unfrozen by epoch {needed}."
    )
