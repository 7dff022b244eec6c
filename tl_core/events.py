"""What training tells whoever drives it. Computation yields these; the caller owns the side effects."""

from dataclasses import dataclass

from tl_core.facts import RunFacts
from tl_core.records import Prediction, TestResult

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
    of: str = "images"
    """What they are."""


@dataclass(frozen=True, slots=True)
class FactsFound:
    """Something the run found out about itself: the fields that are set."""

    facts: RunFacts


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """One optimizer step."""

    epoch: int
    """Counted from 1."""
    step: int
    """Adjustments of the weights, counted from 1 over the whole run."""
    total_steps: int
    loss: float
    """What was made small, mean over the images of this step; plain cross-entropy, in nats, unless chosen otherwise."""
    n: int
    """Images of this step: one batch, or several whose gradients were added up."""


@dataclass(frozen=True, slots=True)
class EpochEnded:
    epoch: int
    step: int
    train_loss: float
    """Running mean over the epoch, as the weights moved."""
    train_accuracy: float | None
    """None when images were mixed, and so belong to no one class."""
    train_n: int
    val_loss: float
    """Mean cross-entropy in nats, whatever loss was trained on."""
    val_accuracy: float
    val_predictions: tuple[Prediction, ...]
    is_best: bool
    """True when no earlier epoch did better on validation."""
    learning_rate: float
    """Of the head, in the epoch's last step."""


@dataclass(frozen=True, slots=True)
class Tested:
    result: TestResult
    predictions: tuple[Prediction, ...]


Event = StageStarted | StageAdvanced | FactsFound | BatchEnded | EpochEnded | Tested
