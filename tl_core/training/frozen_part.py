"""Which phases of a run read the activations of their frozen stages instead of images, and where from."""

from collections.abc import Callable, Generator, Sequence

from torch import nn

from tl_core.backbones import TransferModel
from tl_core.config import RunConfig
from tl_core.events import Event, FactsFound, StageAdvanced
from tl_core.facts import FrozenPace, RunFacts
from tl_core.features import (
    Examples,
    KeptActivations,
    NoRoom,
    Precision,
    Side,
    TooLarge,
    choose_views,
)
from tl_core.training.experiment import Experiment
from tl_core.training.plan import Phase
from tl_core.training.speed_records import Pace

_SMALL_ROW = 512 * 2**10
"""Bytes of one image's activations up to which they are kept for a single epoch: made along with those of others."""


def phases_that_keep(
    config: RunConfig, plan: Sequence[Phase], row_bytes: Callable[[int], int]
) -> tuple[Phase, ...]:
    """Those that can use what a frozen prefix made of each image more than once, or get it along the way.

    Mixed images exist for one step only, and a prefix whose BatchNorm adapts is not constant.

    Args:
        row_bytes: of one image's activations behind that many stages.
    """
    train = config.train
    if train.mixup or train.cutmix or config.model.batch_norm == "adapt":
        return ()
    frozen = [phase for phase in plan if phase.frozen.stages]
    if sum(phase.epochs for phase in frozen) < 2:
        return ()
    return tuple(
        phase
        for phase in frozen
        if phase.epochs > 1 or row_bytes(phase.frozen.stages) <= _SMALL_ROW
    )


def views_of(config: RunConfig, n_train: int, kept: Sequence[Phase]) -> int:
    """How many views of each training image the phases `kept` share; 0 where there are none."""
    epochs = sum(phase.epochs for phase in kept)
    return choose_views(n_train, epochs, config.augment.is_on, config.train.views) if kept else 0


class FrozenPart:
    """Of one run's model, whose frozen stages stay as they are."""

    def __init__(self, experiment: Experiment, model: TransferModel, plan: Sequence[Phase]) -> None:
        self._experiment, self._model = experiment, model
        self._kept = keep_activations(experiment, model)
        self._phases = (
            phases_that_keep(experiment.config, plan, self._kept.row_bytes) if self._kept else ()
        )
        split = experiment.split
        self._views = views_of(experiment.config, len(split.train), self._phases)
        self._train = Side(experiment.examples(split.train, augment=True), self._views)
        self._val = Side(experiment.examples(split.val), 1)

    def reads(self, phase: Phase) -> bool:
        """Whether that phase is to read activations."""
        return phase in self._phases

    def prepare(self, phase: Phase) -> Generator[Event, None, tuple[Examples, Examples] | None]:
        """(training, validation) examples behind the phase's frozen stages; None where it must read images.

        What later phases will read is made in the same pass.
        """
        if not self._kept or not self.reads(phase):
            yield FactsFound(RunFacts(cached_views=0))
            return None
        later = self._phases[self._phases.index(phase) :]
        cuts = sorted({one.frozen.stages for one in later})
        sides = (self._train, self._val)
        pace = Pace()
        try:
            for computed, total in self._kept.fill(sides, cuts):
                pace.see(computed)
                yield StageAdvanced("preparing features", computed, total, self._counted)
            train, val = (self._kept.examples(side, phase.frozen.stages) for side in sides)
        except TooLarge as error:
            self._kept = keep_activations(self._experiment, self._model, "float32")
            yield FactsFound(RunFacts(precision_note=_say_too_large(error)))
            return (yield from self.prepare(phase))
        except NoRoom as error:
            self._phases = tuple(one for one in self._phases if one not in later)
            yield FactsFound(RunFacts(cached_views=0, cache_note=_say_no_room(error)))
            return None
        yield FactsFound(RunFacts(cached_views=self._views))
        if self._kept.engine:
            yield FactsFound(RunFacts(features_by=self._kept.engine))
        if paced := pace.found():
            pace_found = FrozenPace(stages=cuts[-1], **paced)
            yield FactsFound(RunFacts(frozen_part=pace_found))
        return train, val

    @property
    def _counted(self) -> str:
        images = len(self._train.images) + len(self._val.images)
        return f"views of {images:,} images" if self._views > 1 else "images"


def examples_to_judge(
    experiment: Experiment, model: TransferModel, positions: Sequence[int], *, exact: bool
) -> Generator[tuple[int, int], None, tuple[nn.Module, Examples]]:
    """What a finished model is judged by: the rest of `model` on activations, or all of it on images.

    Yields (images passed through the frozen stages, of how many).

    Args:
        exact: activations only where a CPU keeps them exactly.
    """
    images, kept = experiment.examples(positions), keep_activations(experiment, model)
    cut = 0 if model.batch_norm == "adapt" else model.frozen.stages
    is_exact = (
        experiment.device.torch_device.type == "cpu"
        and experiment.config.train.feature_precision == "float32"
    )
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
) -> KeptActivations | None:
    """In that precision, or the run's; None where the run has no cache."""
    if experiment.cache is None:
        return None
    config = experiment.config
    return KeptActivations(
        experiment.cache,
        experiment.backbone,
        model,
        config.model.image_size,
        precision=precision or config.train.feature_precision,
        autocast=experiment.device.autocast,
        exported=experiment.exported,
        only_torch=experiment.only_torch,
    )


def _say_no_room(error: NoRoom) -> str:
    return (
        f"What the frozen stages make of the images does not fit into the cache ({error}), so every epoch passes "
        "through the whole network. Freeze more stages, or have the operator raise TRANSFERLAB_CACHE_GB."
    )


def _say_too_large(error: TooLarge) -> str:
    return (
        f"Some numbers behind the frozen stages are too large for float16 ({error}), so they are kept exactly, as "
        "float32, which takes twice the room."
    )
