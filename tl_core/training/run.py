"""Execution of an experiment, from images to test metrics, as a stream of events."""

import hashlib
from collections.abc import Generator, Sequence
from contextlib import suppress

import torch

from tl_core.backbones import (
    TransferModel,
    WeightsReport,
    build_library_model,
    build_model,
    digest_of_weights,
    freeze,
    load_weights,
    resolve_frozen,
)
from tl_core.events import Event, FactsFound, GoesOn, StageStarted
from tl_core.facts import PlannedPhase, RunFacts, SplitFingerprints, SplitSizes
from tl_core.training.checkpoints import make_whole
from tl_core.training.experiment import Experiment
from tl_core.training.phases import train_in_phases
from tl_core.training.plan import Phase, make_plan
from tl_core.training.state import load_newest_state
from tl_core.training.testing import test_kept_model


def run_experiment(experiment: Experiment) -> Generator[Event, None, None]:
    """Build the model, train it phase by phase, and evaluate it once on the test set.

    Resumes from the training state on disk where there is one, and then first yields the last
    finished epoch again. Where the newest state is damaged, the one before it is taken. Model and
    training state are saved here; storing the yielded events is up to the caller.

    Raises:
        Cancelled: the experiment was asked to stop; checked before every mini-batch.
        RunNotReady: the training state cannot be resumed from.
        TransferLabError: weights are missing or do not fit, the loss diverged, or memory ran out.
    """
    state, note = load_newest_state(experiment.state_path, experiment.config)
    yield StageStarted("reading images")
    if note:
        yield FactsFound(RunFacts(notes=(note,)))
    yield GoesOn(state.epoch, state.steps) if state else GoesOn(0)
    if state:
        yield state.last
    if not (state and state.ends_training(experiment.config)):
        model, report = build_experiment_model(experiment)
        plan = make_plan(experiment.config)
        yield FactsFound(_find_facts(experiment, model, report, plan))
        yield from train_in_phases(experiment, model, plan, state)
        # The test loads the saved file; two large models need not be in memory at once.
        del model
    else:
        # A process that was killed after its last epoch has left model and changes apart.
        with suppress(OSError):
            make_whole(experiment.checkpoint)
    yield from test_kept_model(experiment)


def build_experiment_model(experiment: Experiment) -> tuple[TransferModel, WeightsReport | None]:
    """Build the model before its first step, on the device, frozen as in the last phase.

    Raises:
        Cancelled: the experiment was asked to stop.
        TransferLabError: weights are missing or do not fit.
    """
    config = experiment.config.model
    backbone = experiment.backbone
    # The seed decides the head's initial weights, and the backbone's when trained from scratch.
    torch.manual_seed(experiment.config.train.seed)
    experiment.stop.check()
    # Large networks take seconds to build, hence a check on either side.
    library_model = build_library_model(backbone, config.image_size)
    experiment.stop.check()
    report = None
    if config.pretrained:
        report = load_weights(
            backbone, library_model, config, experiment.weights_folders, experiment.stop
        )
    model = build_model(backbone, config, len(experiment.classes), library_model)
    freeze(model, resolve_frozen(backbone, config), config.batch_norm)
    experiment.device.place(model)
    return model, report


def _find_facts(
    experiment: Experiment,
    model: TransferModel,
    report: WeightsReport | None,
    plan: Sequence[Phase],
) -> RunFacts:
    split = experiment.split
    final = plan[-1]
    weights = "Random weights: the network was not pretrained."
    if report:
        weights = report.sentence
    # Gradual unfreezing may end before it reaches the chosen depth.
    freeze(model, final.frozen, experiment.config.model.batch_norm)
    return RunFacts(
        device=experiment.device.title,
        workers=experiment.workers,
        weights=weights,
        # An export makes these weights again, and is compared with this digest.
        first_weights=digest_of_weights(model),
        majority_label=experiment.majority_label,
        splits=SplitSizes(train=len(split.train), val=len(split.val), test=len(split.test)),
        split_warnings=split.warnings,
        split_fingerprint=SplitFingerprints(
            train=_fingerprint(experiment, split.train),
            val=_fingerprint(experiment, split.val),
            test=_fingerprint(experiment, split.test),
        ),
        frozen_stages=final.frozen.stages,
        trainable_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        total_parameters=sum(p.numel() for p in model.parameters()),
        plan=tuple(
            PlannedPhase(
                first_epoch=phase.first_epoch,
                last_epoch=phase.last_epoch,
                frozen_stages=phase.frozen.stages,
                rates=phase.rates,
            )
            for phase in plan
        ),
    )


def _fingerprint(experiment: Experiment, positions: Sequence[int]) -> str:
    """Return a digest of one side of the split, independent of the images' order."""
    hashes = sorted(experiment.images[i].sha256 for i in positions)
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:16]
