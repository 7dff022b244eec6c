"""Events that training yields to its caller, who owns the side effects."""

from dataclasses import dataclass

from tl_core.facts import RunFacts
from tl_core.records import Prediction, TestResult

STAGES = ("reading images", "preparing features", "training", "testing")
"""Names of the four steps of every run, in order."""


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
    """Unit of `done` and `total`."""


@dataclass(frozen=True, slots=True)
class FactsFound:
    """Facts that the run found out about itself: the fields that are set."""

    facts: RunFacts


@dataclass(frozen=True, slots=True)
class PreviewFitted:
    """A classifier was fitted on the features prepared so far; it is not the run's model."""

    n_train: int
    """Training images that it was fitted on."""
    n_val: int
    """Validation images that it was judged on."""
    val_accuracy: float
    predictions: tuple[Prediction, ...]
    """Predictions for the sample images among the validation images so far."""


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """One optimizer step."""

    epoch: int
    """Counted from 1."""
    step: int
    """Optimizer steps so far, counted from 1 over the whole run."""
    total_steps: int
    loss: float
    """Mean training loss over the images of this step; cross-entropy in nats by default."""
    n: int
    """Images of this step: one mini-batch, or several with accumulated gradients."""


@dataclass(frozen=True, slots=True)
class GoesOn:
    """Training goes on from the state on disk, or begins."""

    after_epoch: int
    """Epochs done; 0 where it begins."""
    steps: tuple[BatchEnded, ...] = ()
    """Steps of the last of them, which a killed process may not have reported; none in states of
    earlier releases."""


@dataclass(frozen=True, slots=True)
class EpochEnded:
    epoch: int
    step: int
    train_loss: float
    """Running mean over the epoch, while the weights changed."""
    train_accuracy: float | None
    """Training accuracy; None with mixup or CutMix, whose images have no single class."""
    train_n: int
    val_loss: float
    """Mean cross-entropy in nats, whichever loss was trained on."""
    val_accuracy: float
    val_predictions: tuple[Prediction, ...]
    is_best: bool
    """True if no earlier epoch was better on validation."""
    learning_rate: float
    """Learning rate of the head in the epoch's last step."""


@dataclass(frozen=True, slots=True)
class Tested:
    result: TestResult
    predictions: tuple[Prediction, ...]


Event = (
    StageStarted
    | StageAdvanced
    | FactsFound
    | PreviewFitted
    | GoesOn
    | BatchEnded
    | EpochEnded
    | Tested
)
