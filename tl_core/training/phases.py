"""Training of a run phase by phase: freezing, cached activations, checkpoints, training state."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import cast

from torch import Tensor, nn

from tl_core.backbones import TransferModel, freeze
from tl_core.evaluation import Outputs
from tl_core.events import BatchEnded, EpochEnded, Event, FactsFound, StageStarted
from tl_core.facts import RunFacts
from tl_core.features import Examples, Pieces
from tl_core.training.checkpoints import make_whole, save_changes, save_checkpoint
from tl_core.training.compiling import Compiling
from tl_core.training.experiment import Experiment
from tl_core.training.fit import fit
from tl_core.training.frozen_part import FrozenPart
from tl_core.training.learner import Learner
from tl_core.training.losses import make_loss
from tl_core.training.mixing import make_mix
from tl_core.training.optimizers import images_per_step, make_optimizer, steps_per_epoch
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
    """Train a newly built `model` through the phases of `plan`, resuming from `state` if given.

    Before the end of an epoch is reported, the best model so far, the validation outputs and the
    training state are on disk, written in this order.
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
        self._experiment = experiment
        self._model = model
        self._plan = plan
        self._state = state
        self._train = experiment.config.train
        self._batch_norm = experiment.config.model.batch_norm
        self._done = state.epoch if state else 0
        self._best = state.best if state else NO_SCORE
        self._pieces = Pieces(state.learner["pieces"] if state else None)
        self._notes: list[str] = list(state.learner["notes"]) if state else []
        # The pull leads back to the pretrained weights, so it is set up before `state` is loaded.
        self._pull = self._pull_to_start()
        if state:
            # The state leaves out stages that are always frozen and keep their initial weights.
            model.load_state_dict(state.model, strict=False)
        self._frozen_part = FrozenPart(experiment, model, plan, is_new=state is None)
        # False for a resumed run too: a merged file has no mark that changes could refer to.
        self._is_saved_whole = False
        self._keeper = OutputsKeeper(experiment.outputs, self._done)
        self._val_outputs: list[Outputs] = []
        self._steps: list[BatchEnded] = []
        """Steps of the epoch under way."""

    def _pull_to_start(self) -> PullToStart | None:
        """Return the L2-SP penalty for every backbone parameter that will ever be trained."""
        if not self._train.l2_sp:
            return None
        freeze(self._model, self._plan[-1].frozen, self._batch_norm)
        pretrained = [p for p in self._model.stages.parameters() if p.requires_grad]
        return PullToStart(pretrained, self._train.l2_sp)

    def run(self) -> Iterator[Event]:
        schedule: Schedule | None = None
        try:
            for phase in self._plan:
                if phase.last_epoch > self._done:
                    freeze(self._model, phase.frozen, self._batch_norm)
                    schedule = self._schedule(phase, schedule)
                    # No local variables for the examples: one phase's must be freed before the
                    # next phase's are prepared.
                    yield from self._fit(
                        phase, self._learner(phase, schedule), *(yield from self._prepare(phase))
                    )
        finally:
            # On a full disk, model and changes can still be read as two files.
            with suppress(OSError):
                make_whole(self._experiment.checkpoint)

    def _prepare(
        self, phase: Phase
    ) -> Generator[Event, None, tuple[nn.Module, Examples, Examples]]:
        """Return the network to train, with its training and validation examples.

        The network is the part behind the frozen prefix, on cached activations, or the whole model,
        on images.
        """
        if self._frozen_part.reads(phase) or phase is self._plan[0]:
            yield StageStarted("preparing features")
        if features := (yield from self._frozen_part.prepare(phase)):
            return self._model.split()[1], *features
        experiment = self._experiment
        train = experiment.examples(experiment.split.train, augment=True)
        val = experiment.examples(experiment.split.val)
        return self._model, train, val

    def _schedule(self, phase: Phase, previous: Schedule | None) -> Schedule:
        """Return the phase's learning-rate schedule, which may continue the previous phase's."""
        first, last = segment_of(self._plan, self._train, phase.first_epoch)
        if previous and first < phase.first_epoch:
            return previous
        schedule = make_schedule(self._train, self._steps_per_epoch, last - first + 1)
        if self._state and first <= self._done:
            schedule.load_state_dict(self._state.learner["schedule"])
        return schedule

    @property
    def _steps_per_epoch(self) -> int:
        return steps_per_epoch(self._train, len(self._experiment.split.train))

    def _learner(self, phase: Phase, schedule: Schedule) -> Learner:
        experiment = self._experiment
        train = self._train
        first, _ = segment_of(self._plan, train, phase.first_epoch)
        stopping = None
        # Early stopping before the last phase would skip layers that are still to be unfrozen.
        if phase is self._plan[-1]:
            stopping = EarlyStopping(train.early_stopping, train.min_delta)
        learner = Learner(
            model=self._model,
            optimizer=make_optimizer(train, self._model, phase.rates),
            schedule=schedule,
            loss=make_loss(train, experiment.class_counts, experiment.device.torch_device),
            device=experiment.device,
            images_per_step=images_per_step(train, len(experiment.split.train)),
            first_step=(first - 1) * self._steps_per_epoch,
            mix=make_mix(train, len(experiment.classes)),
            clip_norm=train.clip_norm,
            pull=self._pull,
            average=Average(self._model, train.ema) if train.ema else None,
            stopping=stopping,
            pieces=self._pieces,
            notes=self._notes,
        )
        if self._state and phase.first_epoch <= self._done:
            learner.load_state_dict(self._state.learner)
            # The saved run may have ended because it was asked for fewer epochs.
            learner.is_over = False
        return learner

    def _fit(
        self, phase: Phase, learner: Learner, part: nn.Module, train: Examples, val: Examples
    ) -> Iterator[Event]:
        yield StageStarted("training")
        judged = self._model
        if learner.average:
            judged = cast(TransferModel, learner.average.module)
        events = fit(
            part,
            train,
            val,
            learner,
            epochs=range(max(phase.first_epoch, self._done + 1), phase.last_epoch + 1),
            total_epochs=self._train.epochs,
            # The average shares the frozen stages, and so takes the same cached activations.
            judged=judged if part is self._model else judged.split()[1],
            seed=self._train.seed,
            best=self._best,
            keep=self._val_outputs.append,
        )
        with Compiling(part, self._experiment.device) as compiling:
            for event in events:
                if isinstance(event, BatchEnded):
                    self._steps.append(event)
                if isinstance(event, EpochEnded):
                    self._save(event, learner, judged)
                    done = event.epoch - phase.first_epoch + 1
                    left = phase.last_epoch - event.epoch
                    if sentence := compiling.after_epoch(done, left):
                        yield FactsFound(RunFacts(compiled=sentence))
                yield event

    def _save(self, event: EpochEnded, learner: Learner, judged: TransferModel) -> None:
        if event.is_best:
            self._best = (event.val_accuracy, -event.val_loss)
            self._save_best(judged)
        self._keeper.keep(
            event.epoch,
            self._val_outputs.pop(),
            is_best=event.is_best,
            stands_still=self._model.features_stand_still,
        )
        # Last, so that a resumed run finds everything that its state presupposes.
        state = TrainingState(
            config=self._experiment.config,
            best=self._best,
            model=self._changing(self._model),
            learner=learner.state_dict(),
            last=event,
            steps=tuple(self._steps),
        )
        self._steps.clear()
        save_state(self._experiment.state_path, state)

    def _save_best(self, judged: TransferModel) -> None:
        """Save the whole model the first time, later only what changes if that is below half."""
        path = self._experiment.checkpoint
        changing = self._changing(judged)
        if self._is_saved_whole and 2 * _n_bytes(changing) < _n_bytes(judged.state_dict()):
            save_changes(path, changing)
        else:
            config = self._experiment.config.model
            experiment = self._experiment
            save_checkpoint(path, judged, config, experiment.classes, experiment.levels)
            self._is_saved_whole = True

    def _changing(self, model: TransferModel) -> dict[str, Tensor]:
        return changing_tensors(model, self._plan[-1].frozen.stages, self._batch_norm)


def _n_bytes(tensors: dict[str, Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())
