"""Facts that a run finds out about itself: one record, filled field by field while the run goes."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, InstanceOf

Text = InstanceOf[str]
"""Any string. User text may hold lone surrogates, which pydantic's own `str` refuses."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SplitSizes(_Record):
    """Number of images on each side of the split."""

    train: int
    val: int
    test: int


class SplitFingerprints(_Record):
    """Digest of the images' contents on each side, whatever their order: 16 hex digits."""

    train: str
    val: str
    test: str


class PlannedPhase(_Record):
    """Epochs in which the same part of the network learns."""

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
    """Figures of the kept model on training images as they are, without augmentation or dropout."""

    n: int
    """Images asked about."""
    accuracy: float
    loss: float
    """Mean cross-entropy in nats."""


class FrozenPace(_Record):
    """Pace of images through the frozen prefix, for the estimates of later runs."""

    stages: int
    """Stages that the images passed, counted from the input."""
    seconds: float
    """Per image."""
    start_seconds: float
    """Before the first image; 0.0 in old runs, which did not measure it."""


class RunFacts(_Record):
    """Everything known about a run beside its settings and figures.

    A field is absent until it is found: it then holds its default and is not in
    `model_fields_set`. Only fields that are set are merged, stored and shown as JSON.
    """

    # Known before the run starts.

    classes: tuple[Text, ...] = ()
    """Names of the labels, kept so that they outlive the dataset. User text; absent in old runs."""
    trainable_parameters: int | None = None
    """Parameters that learn in the last phase: counted in the queue, then again in the model."""
    total_parameters: int | None = None
    """All parameters of the network, head included; counted together with the trainable ones."""
    left_to_machine: tuple[str, ...] = ()
    """Settings that nobody chose and the queue settled; absent where a run continues another."""
    comparison: str = ""
    """Identifier shared by the runs of one comparison of optimizers; absent in other runs."""
    continues: str = ""
    """Completed run that this one carries on from; absent in all that begin anew."""

    # Known when the process takes the run up.

    environment: Mapping[str, str] = {}
    """Versions of Python and of the libraries that figures depend on, by name."""
    seconds_before: float = 0.0
    """Seconds spent before the run was last taken up; absent in old runs."""
    seconds_by_stage: Mapping[str, float] = {}
    """Seconds by name in `events.STAGES`, written after every epoch and at the end."""
    resumed: int = 0
    """Times that the run was queued again after it had begun; absent before the first."""

    # Found when images and backbone are read.

    device: str = ""
    """Title of the device that trains, such as "CPU"."""
    workers: int | None = None
    """Threads that read images; absent in old runs."""
    weights: Text = ""
    """Sentence on the weights that the backbone began with."""
    first_weights: str = ""
    """Digest of all weights before the first step; absent in old runs."""
    majority_label: int | None = None
    """Label of the class most frequent in the training set; absent in old runs."""
    splits: SplitSizes | None = None
    """Images on each side of the split."""
    split_warnings: tuple[Text, ...] = ()
    """Sentences about classes that are missing on a side, and about sides that are small."""
    split_fingerprint: SplitFingerprints | None = None
    """Digests that are equal for runs on the same images; absent in old runs."""
    frozen_stages: int | None = None
    """Frozen prefix of the last phase, in stages from the input."""
    plan: tuple[PlannedPhase, ...] = ()
    """Phases in order, covering every epoch once; absent in old runs."""

    # Found while features are prepared and the model learns.

    cached_views: int | None = None
    """Views of each training image kept as activations; 0 where the phase reads images."""
    cache_note: Text = ""
    """Sentence on why no activations are kept; absent where they fit or are not wanted."""
    precision_note: Text = ""
    """Sentence on why activations are kept in float32; absent where float16 holds them."""
    features_by: str = ""
    """Engine that computed the frozen prefix; absent where nothing had to be computed."""
    frozen_part: FrozenPace | None = None
    """Pace of the frozen prefix; absent where too few images passed to tell."""
    micro_batch: int | None = None
    """Images in memory at once, where memory ran short and batches are taken in pieces."""
    compiled: Text = ""
    """Sentence on what torch.compile gained; absent where it was not tried."""
    notes: tuple[Text, ...] = ()
    """Sentences for the reader about what went otherwise than asked; they only accumulate."""

    # Found before the test.

    train_check: TrainCheck | None = None
    """Figures of the kept model on training images; absent in old runs and where not finite."""

    def merged(self, found: "RunFacts") -> "RunFacts":
        """These facts with the fields set in `found` in their place; notes of both, each once."""
        changes = found._set_fields()
        if "notes" in changes:
            changes["notes"] = tuple(dict.fromkeys((*self.notes, *found.notes)))
        return self.model_copy(update=changes)

    def continued(self, run_id: str) -> "RunFacts":
        """Facts that a new run takes over when it carries on from run `run_id`, which has these."""
        kept = self._set_fields()
        for own in ("resumed", "train_check"):
            kept.pop(own, None)
        return RunFacts(**kept | {"continues": run_id})

    def as_json(self) -> dict[str, Any]:
        """Fields that are set, by name, in a form that `json.dumps` takes."""
        return self.model_dump(exclude_unset=True)

    def _set_fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}
