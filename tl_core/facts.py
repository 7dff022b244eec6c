"""Facts that a run finds out about itself: one record, filled field by field as it proceeds."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, InstanceOf

Text = InstanceOf[str]
"""String of any content. User text may hold lone surrogates, which pydantic's `str` refuses."""


class _Record(BaseModel):
    # Facts are stored as JSON, which has neither NaN nor infinity.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SplitSizes(_Record):
    """Number of images on each side of the split."""

    train: int
    val: int
    test: int


class SplitFingerprints(_Record):
    """Digest of the images' contents on each side, independent of their order: 16 hex digits."""

    train: str
    val: str
    test: str


class PlannedPhase(_Record):
    """Epochs during which the same layers are trained."""

    first_epoch: int
    """Counted from 1."""
    last_epoch: int
    """Inclusive."""
    frozen_stages: int
    """Frozen prefix, in stages from the input."""
    rates: tuple[float, ...]
    """Base learning rate of every stage from the input, then of the head; 0.0 where frozen."""

    @property
    def n_stages(self) -> int:
        """Stages of the backbone, without the head."""
        return len(self.rates) - 1


class TrainCheck(_Record):
    """Figures of the saved model on training images, without augmentation or dropout."""

    n: int
    """Number of images evaluated."""
    accuracy: float
    loss: float
    """Mean cross-entropy in nats."""


class FrozenPace(_Record):
    """Measured time of the frozen prefix, on the clock."""

    stages: int
    """Number of stages measured, counted from the input."""
    seconds: float
    """Seconds per image."""
    start_seconds: float
    """Set-up time before the first image; 0.0 in old runs, which did not measure it."""


class CachedRows(_Record):
    """Activations of images and their views that a run needed, and found in the cache."""

    found: int
    needed: int


class RunFacts(_Record):
    """Facts about a run that are neither settings nor metrics.

    A field is absent until it is found: it then holds its default and is not in
    `model_fields_set`. Only fields that are set are merged, stored and shown as JSON.
    """

    # Known before the run starts.

    classes: tuple[Text, ...] = ()
    """Class names, kept so that they outlive the dataset. User text; absent in old runs."""
    trainable_parameters: int | None = None
    """Parameters trained in the last phase: estimated when queued, then counted in the model."""
    total_parameters: int | None = None
    """Parameters of the whole network, head included; counted together with the trainable ones."""
    left_to_machine: tuple[str, ...] = ()
    """Settings left open by the user and chosen at submission; absent in a continued run."""
    comparison: str = ""
    """Identifier shared by the runs of one comparison of optimizers; absent in other runs."""
    continues: str = ""
    """Completed run that this one continues; absent in runs that start from scratch."""

    # Known when a process starts or resumes the run.

    environment: Mapping[str, str] = {}
    """Versions of Python and of the libraries that results depend on, by name."""
    seconds_before: float = 0.0
    """Seconds spent before the run was last resumed; absent in old runs."""
    seconds_by_stage: Mapping[str, float] = {}
    """Seconds spent in each of `events.STAGES`, written after every epoch and at the end."""
    processor_seconds: Mapping[str, float] = {}
    """Processor seconds in each of `events.STAGES`, summed over the cores; on a GPU, seconds on the
    clock. Written at the end; absent in old runs."""
    processor_saved: float | None = None
    """Processor seconds that the run would have taken in addition with an empty cache, from the
    pace of earlier runs; absent where that is not known."""
    others_share: float | None = None
    """Share of the machine's processor time, 0 to 1, that other programs took while the run went
    on; absent in old runs."""
    deaths: int = 0
    """Worker processes that died with this run since it was last queued by hand."""
    went_on_after: int | None = None
    """Finished epochs when the run last went back to the queue because its process had ended;
    absent in runs to which that never happened."""
    resumed: int = 0
    """Times that the run was queued again after it had started; absent before the first."""
    first_started_at: float | None = None
    """Start of a resumed run's first part, in seconds since the epoch; `Run.started_at` is that of
    its last part. Absent in runs that were not resumed, and in old ones."""

    # Known once images and backbone are loaded.

    device: str = ""
    """Title of the training device, such as "CPU"."""
    workers: int | None = None
    """Threads that read images; absent in old runs."""
    weights: Text = ""
    """Sentence on the weights that the backbone started from."""
    first_weights: str = ""
    """Digest of all weights before the first step; absent in old runs."""
    majority_label: int | None = None
    """Label of the most frequent class in the training set; absent in old runs."""
    splits: SplitSizes | None = None
    """Number of images on each side of the split."""
    split_warnings: tuple[Text, ...] = ()
    """Sentences about classes missing from a side of the split, and about small sides."""
    split_fingerprint: SplitFingerprints | None = None
    """Digests that are equal for runs on the same images; absent in old runs."""
    frozen_stages: int | None = None
    """Length of the last phase's frozen prefix, in stages from the input."""
    plan: tuple[PlannedPhase, ...] = ()
    """Phases in order, covering every epoch once; absent in old runs."""

    # Known while features are prepared and the model is trained.

    cached_views: int | None = None
    """Views of each training image cached as activations; 0 where the phase reads images."""
    cached_rows: CachedRows | None = None
    """Activations found in the cache when the run began; absent in old runs."""
    cache_note: Text = ""
    """Sentence on why no activations are cached; absent where they fit or are not needed."""
    precision_note: Text = ""
    """Sentence on why activations are cached in float32; absent where float16 suffices."""
    features_by: str = ""
    """Engine that computed the frozen prefix; absent where nothing had to be computed."""
    frozen_part: FrozenPace | None = None
    """Measured time of the frozen prefix; absent where too few images passed to measure it."""
    micro_batch: int | None = None
    """Micro-batch size in images, after memory ran short; absent where batches fit whole."""
    compiled: Text = ""
    """Sentence on the effect of torch.compile; absent where it was not tried."""
    notes: tuple[Text, ...] = ()
    """Sentences on deviations from the settings; they only accumulate."""

    # Known before the test.

    train_check: TrainCheck | None = None
    """Figures of the saved model on training images; absent in old runs and where not finite."""

    def merged(self, found: "RunFacts") -> "RunFacts":
        """Return these facts updated by the fields set in `found`; notes are joined, each once."""
        changes = found._set_fields()
        if "notes" in changes:
            changes["notes"] = tuple(dict.fromkeys((*self.notes, *found.notes)))
        # Not validated again, since both sides are valid already.
        return self.model_copy(update=changes)

    def without(self, *names: str) -> "RunFacts":
        """Return these facts as if those of these names had never been found."""
        kept = {name: fact for name, fact in self._set_fields().items() if name not in names}
        return RunFacts.model_construct(_fields_set=set(kept), **kept)

    def continued(self, run_id: str) -> "RunFacts":
        """Return the facts that a run continuing `run_id`, whose facts these are, starts with."""
        inherited = self._set_fields()
        # These describe the earlier run alone.
        for name in ("deaths", "went_on_after", "resumed", "first_started_at", "train_check"):
            inherited.pop(name, None)
        return RunFacts(**inherited | {"continues": run_id})

    def as_json(self) -> dict[str, Any]:
        """Return the fields that are set, by name, ready for `json.dumps`."""
        return self.model_dump(exclude_unset=True)

    def _set_fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}
