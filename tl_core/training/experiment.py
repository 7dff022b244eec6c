"""One run from images to test figures, as a stream of events. Knows no store: the driver keeps what it yields."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from torch import nn

from tl_core.backbones import (
    TransferModel,
    build_library_model,
    build_model,
    freeze_stages,
    get_backbone,
    load_weights,
    resolve_frozen_stages,
)
from tl_core.config import RunConfig
from tl_core.evaluation import join, predict_batches, summarise
from tl_core.events import EpochEnded, Event, FactsFound, StageAdvanced, StageStarted, Tested
from tl_core.features import (
    Examples,
    ImageExamples,
    choose_views,
    extract_features,
    feature_examples,
    reserve_activations,
)
from tl_core.records import ImageRecord, Split
from tl_core.training.checkpoints import load_checkpoint, save_checkpoint
from tl_core.training.device import Device
from tl_core.training.fit import fit
from tl_core.training.interrupt import stop_between_calls, stop_between_layers
from tl_core.training.optimizers import make_optimizer, make_schedule, seed_everything


@dataclass(frozen=True)
class Experiment:
    """Everything a run needs, already looked up."""

    config: RunConfig
    classes: Sequence[str]
    images: Sequence[ImageRecord]
    """Of the whole dataset, in order of position."""
    split: Split
    dataset_folder: Path
    weights_folder: Path | None
    checkpoint: Path
    """Where the best epoch's model is kept."""
    device: Device
    should_stop: Callable[[], bool]
    """Asked often; must be cheap."""

    def examples(self, positions: Sequence[int], *, augment: bool = False) -> ImageExamples:
        backbone = get_backbone(self.config.model.backbone)
        chosen = [self.images[i] for i in positions]
        return ImageExamples(
            self.dataset_folder,
            chosen,
            [self.classes.index(image.class_name) for image in chosen],
            backbone.preprocessing,
            self.config.train.batch_size,
            self.device.torch_device,
            self.config.train.seed,
            augment,
            self.should_stop,
        )


def run_experiment(experiment: Experiment) -> Generator[Event, None, None]:
    """Read, prepare, train, test: the four stages in order. The test set is touched once, in the last.

    Raises:
        Cancelled: within two seconds of `should_stop` turning true.
        TransferLabError: weights that are missing or do not fit, a loss that diverged.
    """
    yield StageStarted("reading images")
    model = _build(experiment)
    yield FactsFound(_count_facts(experiment, model))
    train = experiment.examples(experiment.split.train, augment=experiment.config.train.augment)
    val = experiment.examples(experiment.split.val)
    with stop_between_layers(model, experiment.should_stop):
        yield from _train(experiment, model, train, val)
    yield from _test(experiment)


def _build(experiment: Experiment) -> TransferModel:
    config = experiment.config.model
    backbone = get_backbone(config.backbone)
    seed_everything(experiment.config.train.seed)
    with stop_between_calls(experiment.should_stop):
        library_model = build_library_model(backbone)
    if config.pretrained:
        load_weights(backbone, library_model, experiment.weights_folder, experiment.should_stop)
    model = build_model(backbone, config, len(experiment.classes), library_model)
    freeze_stages(model, resolve_frozen_stages(backbone, config.frozen_stages))
    experiment.device.place(model)
    return model


def _count_facts(experiment: Experiment, model: TransferModel) -> dict[str, object]:
    split = experiment.split
    return {
        "device": experiment.device.title,
        "splits": {"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        "split_warnings": list(split.warnings),
        "frozen_stages": model.frozen_stages,
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "total_parameters": sum(p.numel() for p in model.parameters()),
    }


def _train(experiment: Experiment, model: TransferModel, train: ImageExamples, val: ImageExamples) -> Iterator[Event]:
    """Prepare features where a prefix is frozen and they fit into memory, then fit what is left of the model."""
    config = experiment.config.train
    yield StageStarted("preparing features")
    prefix, rest = model.split()
    views = choose_views(len(train), config.epochs, config.augment)
    cache = reserve_activations(prefix, [(train, views), (val, 1)]) if model.frozen_stages else None
    yield FactsFound({"cached_views": views if cache else 0})
    if cache is None:
        yield from _fit(experiment, model, model, train, val)
        return
    done, total = 0, views * len(train) + len(val)
    for out, examples in zip(cache, (train, val), strict=True):
        for passed in extract_features(out, prefix, examples):
            yield StageAdvanced("preparing features", done + passed, total)
        done += passed
    yield from _fit(
        experiment, model, rest, *(feature_examples(e, out) for e, out in zip((train, val), cache, strict=True))
    )


def _fit(
    experiment: Experiment, model: TransferModel, part: nn.Module, train: Examples, val: Examples
) -> Iterator[Event]:
    """Train `part`, the whole model or what lies behind the frozen prefix, keeping the best epoch's model on disk."""
    yield StageStarted("training")
    config = experiment.config
    steps = ceil(len(train) / config.train.batch_size)
    optimizer = make_optimizer(part, model.head, config.train, config.model.pretrained)
    schedule = make_schedule(optimizer, steps * config.train.epochs)
    events = fit(
        part,
        train,
        val,
        epochs=config.train.epochs,
        steps_per_epoch=steps,
        optimizer=optimizer,
        schedule=schedule,
        device=experiment.device,
    )
    for event in events:
        if isinstance(event, EpochEnded) and event.is_best:
            save_checkpoint(experiment.checkpoint, model, config.model, experiment.classes)
        yield event


def _test(experiment: Experiment) -> Iterator[Event]:
    """Test the very file that was kept, and so the very model that predicts and is taken away later."""
    yield StageStarted("testing")
    model = load_checkpoint(experiment.checkpoint).model
    experiment.device.place(model)
    test, parts, done = experiment.examples(experiment.split.test), [], 0
    with stop_between_layers(model, experiment.should_stop):
        for part in predict_batches(model, test):
            parts.append(part)
            done += len(part.labels)
            yield StageAdvanced("testing", done, len(test))
    outputs = join(parts)
    yield Tested(summarise(outputs, _majority_label(experiment)), outputs.predictions())


def _majority_label(experiment: Experiment) -> int:
    names = Counter(experiment.images[i].class_name for i in experiment.split.train)
    return max(range(len(experiment.classes)), key=lambda label: names[experiment.classes[label]])
