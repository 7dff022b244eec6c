"""What the store gives back: plain frozen data, no behaviour beyond reading itself."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from tl_core.config import RunConfig
from tl_core.facts import RunFacts


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_finished(self) -> bool:
        """True when the run has come to its end. A paused one has not: it waits to be resumed."""
        return self not in (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a backbone wants its images: the same numbers its weights were trained with."""

    size: int
    """Side of the centre crop, in pixels."""
    resize: int
    """Length of the short side before the crop, in pixels."""
    mean: tuple[float, float, float]
    """Subtracted from each RGB channel, of values from 0 to 1."""
    std: tuple[float, float, float]
    """Each channel is then divided by this."""
    interpolation: Literal["bilinear", "bicubic"]


@dataclass(frozen=True, slots=True)
class ImageRecord:
    position: int
    """Place in the dataset's canonical order, from 0."""
    sha256: str
    """Of the file's bytes, in hex. Copies of one file share it, and share the stored file."""
    name: str
    """Where the file stood in what was handed in, with forward slashes. User text."""
    class_name: str
    split: str | None
    """"train", "val" or "test" where the dataset came with its own split, else None."""
    extension: str
    """Of the stored file, from the decoded format and not from the name: "jpg", "png" …"""
    width: int
    """Pixels, after EXIF rotation."""
    height: int


@dataclass(frozen=True, slots=True)
class SkippedFile:
    name: str
    """Where the file stood in what was handed in. User text."""
    reason: str
    """A sentence: what is wrong with it and what to do."""


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    id: str
    """Fingerprint of the content: 16 hex digits, the same for the same images in the same classes."""
    name: str
    """User text."""
    classes: tuple[str, ...]
    """Sorted; a label is an index into this. User text."""
    counts: tuple[int, ...]
    """Usable images of each class, in the order of `classes`."""
    n_skipped: int
    source: str
    """"zip", "folder", "upload" or "sample"."""
    created_at: float
    """Seconds since the epoch, UTC."""
    warnings: tuple[str, ...] = ()
    """Sentences about what is odd but usable, such as one image under two classes."""

    @property
    def n(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of a dataset's images on each side; disjoint, and together all of them."""

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    warnings: tuple[str, ...] = ()
    """Sentences about classes that are missing on a side, and about sides that are small."""


@dataclass(frozen=True, slots=True)
class Progress:
    stage: str
    """One of `events.STAGES`."""
    fraction: float
    """Done of this stage, 0 to 1."""
    detail: str = ""
    seconds_left: float | None = None
    """Of the whole run, or None while it cannot be said honestly."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """Figures of the one look at the test set, with what they were measured on."""

    n: int
    loss: float
    """Mean cross-entropy in nats."""
    accuracy: float
    precision_macro: float
    recall_macro: float
    f1_macro: float
    baseline_accuracy: float
    """Of always answering the class that is most frequent in the training set."""


@dataclass(frozen=True, slots=True)
class Run:
    id: str
    state: RunState
    config: RunConfig
    dataset_name: str
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    message: str = ""
    """A sentence on how the run ended, where there is something to say."""
    progress: Progress | None = None
    epochs_done: int = 0
    best_epoch: int | None = None
    """The epoch whose weights were kept: the best on validation. Counted from 1."""
    val_accuracy: float | None = None
    """Of the best epoch."""
    result: TestResult | None = None
    facts: RunFacts = field(default_factory=RunFacts)
    title: str = ""
    """What people call it, if they do; this and the next three are theirs to change. User text."""
    note: str = ""
    """User text, of several lines."""
    tags: tuple[str, ...] = ()
    """User text, each once."""
    is_favourite: bool = False


@dataclass(frozen=True, slots=True)
class SavedPreset:
    """A preset that someone here has saved, beside those that `tl_core.presets` brings."""

    name: str
    """User text, unique."""
    description: str
    """User text."""
    config: RunConfig
    """Its dataset is `presets.ANY_DATASET`."""
    created_at: float
    """Seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class MetricPoint:
    seq: int
    """Place in the run's list of points, from 0; writing the same point twice changes nothing."""
    epoch: int
    """Counted from 1."""
    step: int
    """Optimizer steps done, counted from 1 over the whole run."""
    split: str
    """"train" or "val"."""
    name: str
    """"batch_loss" (mean over the steps since the point before); of an epoch "loss", "accuracy", "learning_rate"."""
    value: float
    n: int
    """Images the value was measured on."""


BEST_VAL = "best val"
"""What the store calls the validation predictions of the epoch whose weights are kept; "val" are the last epoch's."""


@dataclass(frozen=True, slots=True)
class Prediction:
    position: int
    """The image's `ImageRecord.position`."""
    true: int
    """Label, an index into the dataset's classes."""
    probabilities: tuple[float, ...]
    """Of every class, summing to 1."""

    @property
    def predicted(self) -> int:
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)

    @property
    def is_number(self) -> bool:
        """Whether all probabilities are; else the model gave no answer."""
        return math.isfinite(sum(self.probabilities))

    @property
    def confidence(self) -> float:
        """In `predicted`; NaN where that is no answer."""
        return max(self.probabilities) if self.is_number else math.nan

    @property
    def is_right(self) -> bool:
        """What is not a number is no answer, and so never right."""
        return self.predicted == self.true and self.is_number
