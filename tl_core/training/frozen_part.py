"""Cached activations of the frozen prefix: which phases use them, and their preparation."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

from torch import nn

from tl_core.backbones import TransferModel
from tl_core.config import RunConfig
from tl_core.evaluation.sampling import pick_samples
from tl_core.events import Event, FactsFound, StageAdvanced
from tl_core.facts import FrozenPace, RunFacts
from tl_core.features import (
    CachedActivations,
    Examples,
    NoRoom,
    Precision,
    Side,
    TooLarge,
    choose_views,
    cut_into_chunks,
    mixed_order,
    remember_digests,
)
from tl_core.training.experiment import Experiment
from tl_core.training.plan import Phase
from tl_core.training.preview import Preview
from tl_core.training.speed_records import Pace

_SMALL_ROW = 512 * 2**10
"""Bytes of one image's activations up to which caching pays off even for a single epoch."""

_ORDER_SEED = 0
"""Seed of the order of the pass, on which no result depends."""


def phases_that_keep(
    config: RunConfig, plan: Sequence[Phase], row_bytes: Callable[[int], int]
) -> tuple[Phase, ...]:
    """Return the phases that train on cached activations of their frozen prefix.

    Args:
        row_bytes: returns the bytes of one image's activations behind a number of stages.
    """
    train = config.train
    # Mixed images exist for one step only, and a prefix whose BatchNorm adapts is not constant.
    if train.mixup or train.cutmix or config.model.batch_norm == "adapt":
        return ()
    frozen = [phase for phase in plan if phase.frozen.stages]
    # Activations used in one epoch only need not be cached.
    if sum(phase.epochs for phase in frozen) < 2:
        return ()
    # A short phase's small activations come almost free in the pass that computes the others'.
    return tuple(
        phase
        for phase in frozen
        if phase.epochs > 1 or row_bytes(phase.frozen.stages) <= _SMALL_ROW
    )


def views_of(config: RunConfig, n_train: int, kept: Sequence[Phase]) -> int:
    """Return the number of views of each training image that the phases `kept` share, or 0."""
    if not kept:
        return 0
    epochs = sum(phase.epochs for phase in kept)
    return choose_views(n_train, epochs, config.augment.is_on, config.train.views)


class FrozenPart:
    """Frozen prefix of a run's model, whose activations are computed once and cached."""

    def __init__(
        self,
        experiment: Experiment,
        model: TransferModel,
        plan: Sequence[Phase],
        *,
        is_new: bool = False,
    ) -> None:
        """
        Args:
            is_new: no epoch was trained yet, so that learning is previewed in the first pass.
        """
        self._experiment = experiment
        self._model = model
        self._kept = keep_activations(experiment, model)
        self._phases: tuple[Phase, ...] = ()
        if self._kept:
            self._phases = phases_that_keep(experiment.config, plan, self._kept.row_bytes)
        split = experiment.split
        self._views = views_of(experiment.config, len(split.train), self._phases)
        self._train = Side(experiment.examples(split.train, augment=True), self._views)
        self._val = Side(experiment.examples(split.val), 1)
        self._preview: Preview | None = None
        if is_new and experiment.preview:
            self._set_up_preview()

    def _set_up_preview(self) -> None:
        """Mix the order of the pass, so that every class and the sample images come early."""
        experiment = self._experiment
        val = experiment.split.val
        samples = pick_samples(experiment.images, val)
        self._train = _mixed(self._train)
        self._val = _mixed(self._val, [val.index(position) for position in samples])
        n_classes = len(experiment.classes)
        self._preview = Preview(self._train, self._val, n_classes, samples)

    def reads(self, phase: Phase) -> bool:
        """Return True if `phase` trains on cached activations."""
        return phase in self._phases

    def prepare(self, phase: Phase) -> Generator[Event, None, tuple[Examples, Examples] | None]:
        """Return (training, validation) examples behind the frozen prefix; None to train on images.

        Activations for later phases are computed in the same pass.
        """
        if not self._kept or not self.reads(phase):
            yield FactsFound(RunFacts(cached_views=0))
            return None
        later = self._phases[self._phases.index(phase) :]
        cuts = sorted({later_phase.frozen.stages for later_phase in later})
        sides = (self._train, self._val)
        # A classifier needs images of both sides, and there are fewer of validation.
        order = sides[::-1] if self._preview else sides
        pace = Pace()
        try:
            if self._preview:
                self._preview.begin(self._kept, cuts[-1])
            for passed in self._kept.passes(order, cuts):
                pace.see(passed.done)
                yield StageAdvanced("preparing features", passed.done, passed.total, self._unit)
                if self._preview:
                    yield from self._preview.see(passed)
            if self._preview:
                yield from self._preview.finish()
            train, val = (self._kept.examples(side, phase.frozen.stages) for side in sides)
        except TooLarge as error:
            # What is already cached in float16 is of no use; the pass starts again in float32.
            self._kept = keep_activations(self._experiment, self._model, "float32")
            yield FactsFound(RunFacts(precision_note=_say_too_large(error)))
            return (yield from self.prepare(phase))
        except NoRoom as error:
            # The pass covers all remaining phases, so that none of them can use activations.
            self._phases = tuple(earlier for earlier in self._phases if earlier not in later)
            yield FactsFound(RunFacts(cached_views=0, cache_note=_say_no_room(error)))
            return None
        remember_weights(self._experiment, self._kept, cuts[-1])
        yield FactsFound(RunFacts(cached_views=self._views))
        # No engine is known where all rows had been cached before.
        if self._kept.engine:
            yield FactsFound(RunFacts(features_by=self._kept.engine))
        if seconds := pace.measured():
            frozen_pace = FrozenPace(stages=cuts[-1], **seconds)
            yield FactsFound(RunFacts(frozen_part=frozen_pace))
        return train, val

    @property
    def _unit(self) -> str:
        if self._views <= 1:
            return "images"
        return f"views of {len(self._train.images) + len(self._val.images):,} images"


def _mixed(side: Side, first: Sequence[int] = ()) -> Side:
    """Return the side with its images in mixed order and in chunks, some of them `first`."""
    images = side.images
    order = [i for i in mixed_order(images.labels, _ORDER_SEED) if i not in first]
    return replace(side, chunks=cut_into_chunks([*first, *order], images.batch_size))


def examples_to_judge(
    experiment: Experiment, model: TransferModel, positions: Sequence[int], *, exact: bool
) -> Generator[tuple[int, int], None, tuple[nn.Module, Examples]]:
    """Return the network and examples for the evaluation of a finished `model`.

    They are the part behind the frozen prefix on activations, or the whole model on images. Yields
    (images passed through the frozen prefix, images to pass).

    Args:
        exact: use activations only on a CPU that stores them in float32, without rounding.
    """
    images = experiment.examples(positions)
    kept = keep_activations(experiment, model)
    # Adapting BatchNorm changes the prefix, so that there is nothing constant to cache.
    cut = 0 if model.batch_norm == "adapt" else model.frozen.stages
    on_cpu = experiment.device.torch_device.type == "cpu"
    is_exact = on_cpu and experiment.config.train.feature_precision == "float32"
    if not kept or not cut or (exact and not is_exact):
        return model, images
    side = Side(images, 1)
    try:
        yield from kept.fill([side], [cut])
        return model.split()[1], kept.examples(side, cut)
    except NoRoom:
        return model, images


def keep_activations(
    experiment: Experiment, model: TransferModel, precision: Precision | None = None
) -> CachedActivations | None:
    """Return the cache of `model`'s activations; None where the experiment has no cache.

    Args:
        precision: precision of the stored values; by default the run's.
    """
    if experiment.cache is None:
        return None
    config = experiment.config
    return CachedActivations(
        experiment.cache,
        experiment.backbone,
        model,
        config.model.image_size,
        precision=precision or config.train.feature_precision,
        autocast=experiment.device.autocast,
        exported=experiment.exported,
        only_torch=experiment.only_torch,
    )


def remember_weights(experiment: Experiment, kept: CachedActivations, cut: int) -> None:
    """Let later estimates find the rows of an untrained model's first `cut` stages."""
    if experiment.cache:
        digests = kept.digests_before(cut)
        folders = experiment.weights_folders
        remember_digests(experiment.cache, experiment.config.model, folders, digests)


def _say_no_room(error: NoRoom) -> str:
    return (
        f"The output of the frozen stages does not fit into the cache ({error}), so every epoch "
        "passes through the whole network. Freeze more stages, or have the operator raise "
        "TRANSFERLAB_CACHE_GB."
    )


def _say_too_large(error: TooLarge) -> str:
    return (
        f"Some activations of the frozen stages are too large for float16 ({error}), so they are "
        "cached as float32, which takes twice the space."
    )
