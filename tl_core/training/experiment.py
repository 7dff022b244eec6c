"""One run from images to test figures, as a stream of events. Knows no store: the driver keeps what it yields."""

import hashlib
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tl_core.backbones import (
    Backbone,
    TransferModel,
    WeightsReport,
    build_library_model,
    build_model,
    digest_of_weights,
    freeze,
    get_backbone,
    load_weights,
    preprocessing_for,
    resolve_frozen,
)
from tl_core.cache import RowCache
from tl_core.config import RunConfig
from tl_core.events import Event, FactsFound, StageStarted
from tl_core.facts import PlannedPhase, RunFacts, SplitFingerprints, SplitSizes
from tl_core.features import ImageExamples, OnnxPrefix
from tl_core.records import ImageRecord, Preprocessing, Split
from tl_core.training.device import Device
from tl_core.training.interrupt import stop_between_calls
from tl_core.training.phases import train_in_phases
from tl_core.training.plan import Phase, make_plan
from tl_core.training.state import load_state
from tl_core.training.testing import test_kept_model


@dataclass(frozen=True)
class Experiment:
    """Everything a run needs, already looked up."""

    config: RunConfig
    classes: Sequence[str]
    images: Sequence[ImageRecord]
    """Of the whole dataset, in order of position."""
    split: Split
    dataset_folder: Path
    weights_folders: tuple[Path, ...]
    checkpoint: Path
    """Where the best epoch's model is kept."""
    state_path: Path
    """Where all is kept that it takes to carry on from the last finished epoch."""
    device: Device
    should_stop: Callable[[], bool]
    """Asked often; must be cheap."""
    cache: RowCache | None = None
    """Keeps what is computed of images, for this run and others."""
    workers: int = 2
    """Threads that read images."""
    only_torch: bool = False
    """Frozen stages are computed by PyTorch even where something else is faster."""
    outputs: Path | None = None
    """Folder for what the model said (`tl_core.outputs`); None keeps nothing of it."""
    exported: dict[str, OnnxPrefix] = field(default_factory=dict)
    """Frozen stages in ONNX Runtime: the final test runs what training ran."""

    @property
    def backbone(self) -> Backbone:
        return get_backbone(self.config.model.backbone)

    @property
    def preprocessing(self) -> Preprocessing:
        return preprocessing_for(self.backbone, self.config.model.image_size)

    def examples(self, positions: Sequence[int], *, augment: bool = False) -> ImageExamples:
        """Those images; with `augment` as training sees them: varied, and balanced where that was chosen."""
        train, chosen = self.config.train, [self.images[i] for i in positions]
        return ImageExamples(
            self.dataset_folder,
            chosen,
            [self.classes.index(image.class_name) for image in chosen],
            self.preprocessing,
            train.images_per_batch,
            self.device.torch_device,
            train.seed,
            self.config.augment if augment and self.config.augment.is_on else None,
            self.should_stop,
            balance=augment and train.class_balance == "sampling",
            cache=self.cache,
            workers=self.workers,
        )

    @property
    def class_counts(self) -> list[int]:
        """Training images of each class."""
        names = Counter(self.images[i].class_name for i in self.split.train)
        return [names[name] for name in self.classes]

    @property
    def majority_label(self) -> int:
        """The class that most training images have."""
        counts = self.class_counts
        return max(range(len(counts)), key=counts.__getitem__)


def run_experiment(experiment: Experiment) -> Generator[Event, None, None]:
    """Read, prepare, train, test: the four stages in order, preparing and training again for every phase.

    Carries on from the experiment's state where there is one; the last finished epoch is then told of once more. The
    test set is touched once, at the end.

    Raises:
        Cancelled: within two seconds of `should_stop` turning true.
        RunNotReady: the state cannot be carried on from.
        TransferLabError: weights that are missing or do not fit, a loss that diverged, too little memory.
    """
    state = load_state(experiment.state_path, experiment.config)
    yield StageStarted("reading images")
    if state:
        yield state.last
    if not (state and state.ends_training(experiment.config)):
        model, report = build_experiment_model(experiment)
        plan = make_plan(experiment.config)
        yield FactsFound(_find_facts(experiment, model, report, plan))
        yield from train_in_phases(experiment, model, plan, state)
        del model
    yield from test_kept_model(experiment)


def build_experiment_model(experiment: Experiment) -> tuple[TransferModel, WeightsReport | None]:
    """The model before its first step, on the experiment's device, frozen as it will be at the end of the run.

    Raises:
        Cancelled: the experiment was stopped meanwhile.
        TransferLabError: weights that are missing or do not fit.
    """
    config, backbone = experiment.config.model, experiment.backbone
    torch.manual_seed(
        experiment.config.train.seed
    )  # of the head's first weights, and of the backbone's from scratch
    with stop_between_calls(experiment.should_stop):
        library_model = build_library_model(backbone, config.image_size)
    report = None
    if config.pretrained:
        report = load_weights(
            backbone, library_model, config, experiment.weights_folders, experiment.should_stop
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
    split, final = experiment.split, plan[-1]
    freeze(model, final.frozen, experiment.config.model.batch_norm)
    return RunFacts(
        device=experiment.device.title,
        workers=experiment.workers,
        weights=report.sentence
        if report
        else "Random weights: nothing was learned before this run.",
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
    """Of the images on one side of the split, whatever their order: the same for two runs tested alike."""
    hashes = sorted(experiment.images[i].sha256 for i in positions)
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:16]
