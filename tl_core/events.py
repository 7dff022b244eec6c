"""What training tells whoever drives it. Computation yields these; the caller owns the side effects."""

from dataclasses import dataclass

from tl_core.records import Prediction

STAGES = ("reading images", "preparing features", "training", "testing")
"""The four named steps of every run, in order."""


@dataclass(frozen=True, slots=True)
class StageStarted:
    stage: str
    """One of `STAGES`."""


@dataclass(frozen=True, slots=True)
class StageAdvanced:
    stage: str
    done: int
    total: int
    """Of `unit`, such as images."""
    unit: str


@dataclass(frozen=True, slots=True)
class BatchEnded:
    epoch: int
    """Counted from 1."""
    step: int
    """Counted from 1 over the whole run."""
    total_steps: int
    loss: float
    """Mean cross-entropy of this batch, in nats."""
    n: int
    """Images in this batch."""


@dataclass(frozen=True, slots=True)
class EpochEnded:
    epoch: int
    step: int
    train_loss: float
    """Running mean over the epoch, as the weights moved."""
    train_accuracy: float
    train_n: int
    val_loss: float
    val_accuracy: float
    val_n: int
    val_predictions: tuple[Prediction, ...]
    is_best: bool
    """True when no earlier epoch did better on validation."""


Event = StageStarted | StageAdvanced | BatchEnded | EpochEnded
