"""The training of a run, phase by phase: what is frozen, what of it is kept ready, and what is saved when."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from functools import partial
from typing import cast

from torch import Tensor, nn

from tl_core.backbones import TransferModel, freeze
from tl_core.evaluation import Outputs
from tl_core.events import EpochEnded, Event, FactsFound, StageStarted
from tl_core.facts import RunFacts
from tl_core.features import Examples, Pieces
from tl_core.training.checkpoints import make_whole, save_changes, save_checkpoint
from tl_core.training.compiling import Compiling
from tl_core.training.experiment import Experiment
from tl_core.training.fit import fit
from tl_core.training.frozen_part import FrozenPart
from tl_core.training.learner import Learner
from tl_core.training.losses import make_loss
from tl_core.training.mixing import mix
from tl_core.training.optimizers import make_optimizer, steps_per_epoch
from tl_core.training.output_writer import OutputsKeeper
from tl_core.training.plan import Phase, segment_of
from tl_core.training.regularisers import Average, EarlyStopping, PullToStart
from tl_core.training.schedules import Schedule, make_schedule
from tl_core.training.state import TrainingState, changing_tensors, save_state
from tl_core.training.tally import NO_SCORE


def train_in_phases(
    experiment: Experiment,
    model: TransferModel,
    plan: tuple[Phase, ...],
    state: TrainingState | None,
) -> Iterator[Event]:
    """Train `model`, as it was built, through the phases of `plan`; from `state` on, where there is one.

    After every epoch the best model, what validation said and then the training state are on disk before it is told of.
    """
    with experiment.device.tuned():
        yield from _Phases(experiment, model, plan, state).run()


class _Phases:
    def __init__(
        self,
        experiment: Experiment,
        model: TransferModel,
        plan: tuple[Phase, ...],
        state: TrainingState | None,
    ) -> None:
        self._experiment, self._model, self._plan, self._state = experiment, model, plan, state
        self._train, self._batch_norm = experiment.config.train, experiment.config.model.batch_norm
        self._done, self._best = (state.epoch, state.best) if state else (0, NO_SCORE)
        self._pieces = Pieces(state.learner["pieces"] if state else None)
        self._notes: list[str] = list(state.learner["notes"]) if state else []
        self._pull = self._pull_to_start()
        if state:
            model.load_state_dict(
                state.model, strict=False
            )  # what it leaves out is as it was built
        self._frozen_part = FrozenPart(experiment, model, plan)
        self._is_saved_whole = False
        self._keeper, self._said = OutputsKeeper(experiment.outputs, self._done), list[Outputs]()

    def _pull_to_start(self) -> PullToStart | None:
        """To where the backbone stands now, as it was built, for all of it that will ever learn."""
        if not self._train.l2_sp:
            return None
        freeze(self._model, self._plan[-1].frozen, self._batch_norm)
        return PullToStart(
            [p for p in self._model.stages.parameters() if p.requires_grad], self._train.l2_sp
        )

    def run(self) -> Iterator[Event]:
        schedule: Schedule | None = None
        try:
            for phase in self._plan:
                if phase.last_epoch > self._done:
                    freeze(self._model, phase.frozen, self._batch_norm)
                    schedule = self._schedule(phase, schedule)
                    # What is kept of one phase's images is let go of before the next phase's are.
                    yield from self._fit(
                        phase, self._learner(phase, schedule), *(yield from self._prepare(phase))
                    )
        finally:
            with suppress(OSError):  # of a disk that is full: what lies there can be read as it is
                make_whole(self._experiment.checkpoint)

    def _prepare(
        self, phase: Phase
    ) -> Generator[Event, None, tuple[nn.Module, Examples, Examples]]:
        """What is to be trained, and on what: the rest behind a frozen prefix on features, or all of it on images."""
        if self._frozen_part.reads(phase) or phase is self._plan[0]:
            yield StageStarted("preparing features")
        if features := (yield from self._frozen_part.prepare(phase)):
            return self._model.split()[1], *features
        experiment, split = self._experiment, self._experiment.split
        return (
            self._model,
            experiment.examples(split.train, augment=True),
            experiment.examples(split.val),
        )

    def _schedule(self, phase: Phase, before: Schedule | None) -> Schedule:
        """The course of the learning rate, which may have begun in a phase before."""
        first, last = segment_of(self._plan, self._train, phase.first_epoch)
        if before and first < phase.first_epoch:
            return before
        schedule = make_schedule(self._train, self._steps_per_epoch, last - first + 1)
        if self._state and first <= self._done:
            schedule.load_state_dict(self._state.learner["schedule"])
        return schedule

    @property
    def _steps_per_epoch(self) -> int:
        return steps_per_epoch(self._train, len(self._experiment.split.train))

    def _learner(self, phase: Phase, schedule: Schedule) -> Learner:
        experiment, train = self._experiment, self._train
        first, _ = segment_of(self._plan, train, phase.first_epoch)
        n_classes, n_train = len(experiment.classes), len(experiment.split.train)
        learner = Learner(
            model=self._model,
            optimizer=make_optimizer(train, self._model, phase.rates),
            schedule=schedule,
            loss=make_loss(train, experiment.class_counts, experiment.device.torch_device),
            device=experiment.device,
            images_per_step=n_train
            if train.optimizer == "gd"
            else train.images_per_batch * train.accumulate,
            first_step=(first - 1) * self._steps_per_epoch,
            mix=partial(mix, n_classes=n_classes, train=train)
            if train.mixup or train.cutmix
            else None,
            clip_norm=train.clip_norm,
            pull=self._pull,
            average=Average(self._model, train.ema) if train.ema else None,
            # Before the last phase there is more to learn than what has stopped getting better.
            stopping=EarlyStopping(train.early_stopping, train.min_delta)
            if phase is self._plan[-1]
            else None,
            pieces=self._pieces,
            notes=self._notes,
        )
        if self._state and phase.first_epoch <= self._done:
            learner.load_state_dict(self._state.learner)
            learner.is_over = False  # it was, of fewer epochs than are asked for now
        return learner

    def _fit(
        self, phase: Phase, learner: Learner, part: nn.Module, train: Examples, val: Examples
    ) -> Iterator[Event]:
        yield StageStarted("training")
        judged = cast(TransferModel, learner.average.module) if learner.average else self._model
        events = fit(
            part,
            train,
            val,
            learner,
            epochs=range(max(phase.first_epoch, self._done + 1), phase.last_epoch + 1),
            total_epochs=self._train.epochs,
            judged=judged if part is self._model else judged.split()[1],
            seed=self._train.seed,
            best=self._best,
            keep=self._said.append,
        )
        with Compiling(part, self._experiment.device) as compiling:
            for event in events:
                if isinstance(event, EpochEnded):
                    self._save(event, learner, judged)
                    done, left = event.epoch - phase.first_epoch + 1, phase.last_epoch - event.epoch
                    if sentence := compiling.after_epoch(done, left):
                        yield FactsFound(RunFacts(compiled=sentence))
                yield event

    def _save(self, event: EpochEnded, learner: Learner, judged: TransferModel) -> None:
        experiment = self._experiment
        if event.is_best:
            self._best = (event.val_accuracy, -event.val_loss)
            self._save_best(judged)
        still = self._model.features_stand_still
        self._keeper.keep(event.epoch, self._said.pop(), is_best=event.is_best, stands_still=still)
        state = TrainingState(
            experiment.config, self._best, self._changing(self._model), learner.state_dict(), event
        )
        save_state(experiment.state_path, state)

    def _save_best(self, judged: TransferModel) -> None:
        """Whole the first time, and then without the stages that no epoch touches, where those are most of it."""
        experiment, changing = self._experiment, self._changing(judged)
        if self._is_saved_whole and 2 * _n_bytes(changing) < _n_bytes(judged.state_dict()):
            save_changes(experiment.checkpoint, changing)
        else:
            save_checkpoint(
                experiment.checkpoint, judged, experiment.config.model, experiment.classes
            )
            self._is_saved_whole = True

    def _changing(self, model: TransferModel) -> dict[str, Tensor]:
        return changing_tensors(model, self._plan[-1].frozen.stages, self._batch_norm)


def _n_bytes(tensors: dict[str, Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())
