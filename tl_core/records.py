"""Records that the store returns: plain frozen data."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from tl_core.config import RunConfig
from tl_core.facts import RunFacts


class Role(StrEnum):
    """Roles, each of which may do what the one before it may."""

    MEMBER = "member"
    """Sees and changes what is their own, and sees what is shared or published."""
    LEAD = "lead"
    """Sees all runs and datasets, and manages the queue."""
    ADMIN = "admin"
    """Changes all of them too, people and what holds for everyone."""


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    """Empty for the operator, who runs the installation or has it alone."""
    name: str
    """User text."""
    role: Role
    joined_at: float
    """Seconds since the epoch, UTC."""
    removed_at: float | None = None
    """Time from which on they are let in no more; None for those who are."""

    @property
    def leads(self) -> bool:
        return self.role in (Role.LEAD, Role.ADMIN)

    @property
    def administers(self) -> bool:
        return self.role is Role.ADMIN


OPERATOR = Person("", "", Role.ADMIN, 0.0)
"""Person of an installation without sign-in, and of the command line."""


@dataclass(frozen=True, slots=True)
class Session:
    """Session of a person's browser."""

    token: str
    """SHA-256, in hex digits, of the secret that the browser sends."""
    person_id: str
    started_at: float
    ends_at: float
    """Seconds since the epoch, UTC."""


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
        """Return True once the run has ended. A paused run has not: it waits to be resumed."""
        return self not in (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED)


Levels = tuple[tuple[str, float, float], ...]
"""Values that stand for black and white, by kind of sample ("16-bit", "integer", "float")."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Preprocessing that a backbone expects: the values its weights were trained with."""

    size: int
    """Side of the centre crop, in pixels."""
    resize: int
    """Length of the short side before the crop, in pixels."""
    mean: tuple[float, float, float]
    """Subtracted from each RGB channel, of values from 0 to 1."""
    std: tuple[float, float, float]
    """Each channel is then divided by this."""
    interpolation: Literal["bilinear", "bicubic"]
    levels: Levels | None = None
    """Scale of samples with more than 8 bits: that of the dataset that the model was trained on.

    None if that dataset was imported before levels were noted."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    position: int
    """Place in the dataset's canonical order, from 0."""
    sha256: str
    """Hex digest of the file's bytes. Copies of one file share it, and share the stored file."""
    name: str
    """Path inside the uploaded folder or archive, with forward slashes. User text."""
    class_name: str
    split: str | None
    """"train", "val" or "test" where the dataset came with its own split, else None."""
    extension: str
    """Extension of the stored file, from its decoded format and not its name: "jpg", "png" …"""
    width: int
    """Width in pixels, after EXIF rotation."""
    height: int
    pixels: str | None = None
    """Hex digest of the decoded pixels; None if no other image of the dataset looks like it."""


@dataclass(frozen=True, slots=True)
class SkippedFile:
    name: str
    """Path inside the uploaded folder or archive. User text."""
    reason: str
    """Sentence on what is wrong with the file and what to do."""


COMMON_SCOPE = "shared"
"""Part of the cache for images that everyone may see; no person has this id."""


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    id: str
    """Digest of fingerprint and owner, 16 hex digits; of the operator's, the fingerprint itself."""
    name: str
    """User text."""
    classes: tuple[str, ...]
    """In natural order (2 before 10); a label is an index into this, so that it never changes. User
    text."""
    counts: tuple[int, ...]
    """Usable images of each class, in the order of `classes`."""
    n_skipped: int
    source: str
    """"zip", "folder", "upload" or "sample"."""
    created_at: float
    """Seconds since the epoch, UTC."""
    warnings: tuple[str, ...] = ()
    """Sentences about what is odd but usable, such as one image under two classes."""
    reading: str = ""
    """Sentence on how the folders were read as classes and splits; holds user text. Empty where
    nothing had to be read, as in samples, and for datasets of older releases."""
    levels: Levels | None = None
    """Scale of its samples with more than 8 bits; None for datasets of earlier releases."""
    owner: str = ""
    """Id of the person it belongs to; empty for the operator."""
    fingerprint: str = ""
    """Digest of splits, classes and contents, equal for equal images in equal classes."""
    shared_at: float | None = None
    """Time at which it was shared with everyone; None if it is private to its owner."""
    is_copy: bool = False
    """Marks the copy of a shared dataset, whose images everyone has seen."""

    @property
    def n(self) -> int:
        return sum(self.counts)

    @property
    def cache_scope(self) -> str:
        """Return the part of the cache for its images; what is private is kept apart by owner.

        Otherwise the time that a run takes would tell whether somebody else has the same images.
        """
        return COMMON_SCOPE if self.shared_at is not None or self.is_copy else self.owner


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
    """Completed share of this stage, 0 to 1."""
    detail: str = ""
    seconds_left: float | None = None
    """Estimate for the rest of the run; None while there is nothing to estimate it from."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """Test metrics of the kept model on `n` images, measured once."""

    n: int
    loss: float
    """Mean cross-entropy in nats."""
    accuracy: float
    precision_macro: float
    recall_macro: float
    f1_macro: float
    baseline_accuracy: float
    """Accuracy of always answering the class that is most frequent in the training set."""


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
    """Sentence with what only the moment of its end knew, such as an error; empty for most runs.

    What follows from the other fields is in `runs.endings`."""
    progress: Progress | None = None
    epochs_done: int = 0
    best_epoch: int | None = None
    """Epoch whose weights are kept: the best on validation, counted from 1."""
    val_accuracy: float | None = None
    """Validation accuracy at the best epoch."""
    result: TestResult | None = None
    facts: RunFacts = field(default_factory=RunFacts)
    title: str = ""
    """Name given by a person; this and the next three fields can be edited. User text."""
    note: str = ""
    """User text of several lines."""
    tags: tuple[str, ...] = ()
    """User text; no tag occurs twice."""
    is_favourite: bool = False
    owner: str = ""
    """Id of the person it belongs to; empty for the operator."""
    published_at: float | None = None
    """Time at which its owner showed it to everyone; None if they have not."""
    shows_images: bool = False
    """Marks that its owner agrees to show sample images with it."""


@dataclass(frozen=True, slots=True)
class SavedPreset:
    """Preset saved by a user, beside the built-in ones in `tl_core.presets`."""

    name: str
    """User text, unique among its owner's."""
    description: str
    """User text."""
    config: RunConfig
    """Settings; their dataset is `presets.ANY_DATASET`."""
    created_at: float
    """Seconds since the epoch, UTC."""
    owner: str = ""
    """Id of the person it belongs to; empty for the operator."""
    shared_at: float | None = None
    """Time at which it was shared with everyone; None if it is private to its owner."""


@dataclass(frozen=True, slots=True)
class Binned:
    """Dataset or run that was deleted and can still be restored."""

    kind: Literal["dataset", "run"]
    id: str
    name: str
    """Name of the dataset; title of the run or, without one, its dataset's name. User text."""
    binned_at: float
    """Seconds since the epoch, UTC."""
    owner: str = ""
    """Id of the person it belongs to; empty for the operator."""


@dataclass(frozen=True, slots=True)
class MetricPoint:
    seq: int
    """Place in the run's list of points, from 0; writing a point twice changes nothing.

    Points of the preview have negative places from `FIRST_OF_PREVIEW`, so that the list does not
    depend on how many there are, which the machine's speed decides."""
    epoch: int
    """Counted from 1; 0 in the preview."""
    step: int
    """Optimizer steps done, counted from 1 over the whole run; in the preview training images."""
    split: str
    """"train", "val" or `PREVIEW`, whose points are measured on validation images."""
    name: str
    """"batch_loss" (mean since the last point); per epoch "loss", "accuracy", "learning_rate"."""
    value: float
    n: int
    """Images the value was measured on."""


PREVIEW = "preview"
"""Name under which the store keeps the metrics and predictions of the preview of learning.

The predictions are those for the sample images; their epoch is the number of training images.
"""
FIRST_OF_PREVIEW = -1_000_000
BEST_VAL = "best val"
"""Name under which the store keeps validation predictions of the best epoch ("val": the last)."""


@dataclass(frozen=True, slots=True)
class Prediction:
    position: int
    """`ImageRecord.position` of the image."""
    true: int
    """Label, an index into the dataset's classes."""
    probabilities: tuple[float, ...]
    """Softmax probability of every class."""

    @property
    def predicted(self) -> int:
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)

    @property
    def is_number(self) -> bool:
        """Return True if no probability is NaN or infinite; otherwise the model gave no answer."""
        # A single NaN or infinity makes the sum so, too.
        return math.isfinite(sum(self.probabilities))

    @property
    def confidence(self) -> float:
        """Probability of the predicted class; NaN where the model gave no answer."""
        # What `max` makes of a NaN depends on its place.
        return max(self.probabilities) if self.is_number else math.nan

    @property
    def is_right(self) -> bool:
        """Return True if the predicted class is the true one; NaN probabilities never are."""
        return self.predicted == self.true and self.is_number
