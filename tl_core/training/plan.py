"""Training plan: which stages each phase freezes, and the learning rate of each stage."""

from collections.abc import Iterator
from dataclasses import dataclass

from tl_core.backbones import Frozen, anatomy, get_backbone, resolve_frozen
from tl_core.config import RunConfig, TrainConfig
from tl_core.training.optimizers import learning_rates


@dataclass(frozen=True, slots=True)
class Phase:
    """Epochs with the same stages frozen; each phase starts with a new optimizer."""

    first_epoch: int
    """Counted from 1."""
    last_epoch: int
    """Inclusive."""
    frozen: Frozen
    rates: tuple[float, ...]
    """Base learning rate of every stage from the input, then of the head; 0.0 where frozen."""

    @property
    def epochs(self) -> int:
        return self.last_epoch - self.first_epoch + 1


def make_plan(config: RunConfig) -> tuple[Phase, ...]:
    """Return the phases of a run, in order, covering every epoch once.

    Raises:
        ConfigError: the backbone does not support the chosen freezing or image size.
    """
    stages = _count_stages(config)
    starts = list(_starts(config.train, stages, _final(config)))
    # A phase ends where the next one starts, the last one with the run.
    lasts = [first - 1 for first, _, _ in starts[1:]] + [config.train.epochs]
    return tuple(
        Phase(first, last, frozen, _rates(config, stages, frozen, scale))
        for (first, frozen, scale), last in zip(starts, lasts, strict=True)
    )


def _count_stages(config: RunConfig) -> int:
    backbone = get_backbone(config.model.backbone)
    return len(anatomy(backbone, config.model.image_size).stages)


def _final(config: RunConfig) -> Frozen:
    """Return the freezing of the last phase, which is the one that the user chose."""
    return resolve_frozen(get_backbone(config.model.backbone), config.model)


def _starts(train: TrainConfig, stages: int, final: Frozen) -> Iterator[tuple[int, Frozen, float]]:
    """Yield each phase's first epoch, its freezing, and a factor for its learning rates."""
    if train.unfreeze == "never":
        yield 1, final, 1.0
        return
    # Feature extraction first: a new head's gradients would distort the pretrained stages.
    yield 1, Frozen(stages), 1.0
    if train.unfreeze == "two-phase":
        yield train.head_epochs + 1, final, train.fine_tune_rate
        return
    for unfrozen in range(1, stages - final.stages + 1):
        first = train.head_epochs + 1 + (unfrozen - 1) * train.unfreeze_every
        # A run that is too short ends with stages still frozen.
        if first <= train.epochs:
            yield first, Frozen(stages - unfrozen, final.modules), 1.0


def _rates(config: RunConfig, stages: int, frozen: Frozen, scale: float) -> tuple[float, ...]:
    head, backbone = learning_rates(config.train, config.model.pretrained)
    decay = config.train.layer_decay
    # Layer-wise decay: the rate shrinks with each stage further from the head.
    trained = [backbone * decay ** (stages - 1 - i) for i in range(frozen.stages, stages)]
    rates = (*[0.0] * frozen.stages, *trained, head)
    return tuple(rate * scale for rate in rates)


def segment_of(plan: tuple[Phase, ...], train: TrainConfig, epoch: int) -> tuple[int, int]:
    """Return the (first, last) epoch of the learning-rate schedule that covers `epoch`.

    Two-phase training has one schedule per phase. Otherwise a single schedule spans the run, and
    stages unfrozen later follow it from where it then stands.
    """
    if train.unfreeze != "two-phase":
        return plan[0].first_epoch, plan[-1].last_epoch
    phase = phase_of(plan, epoch)
    return phase.first_epoch, phase.last_epoch


def phase_of(plan: tuple[Phase, ...], epoch: int) -> Phase:
    """Return the phase that contains `epoch`, counted from 1."""
    return next(phase for phase in plan if phase.first_epoch <= epoch <= phase.last_epoch)


def say_what_stays_frozen(config: RunConfig) -> str | None:
    """Return a sentence if the run ends before gradual unfreezing is complete, else None."""
    train = config.train
    to_unfreeze = _count_stages(config) - _final(config).stages
    left = make_plan(config)[-1].frozen.stages - _final(config).stages
    if left == 0:
        return None
    needed = train.head_epochs + 1 + (to_unfreeze - 1) * train.unfreeze_every
    return (
        f"{train.epochs} epochs end before unfreezing does: {left} more "
        f"stage{'s' * (left > 1)} would be unfrozen by epoch {needed}."
    )
