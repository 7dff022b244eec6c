"""What a pretrained backbone makes of a dataset's images, by way of the cache: a run on them then starts at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tl_core.backbones import TransferModel
from tl_core.config import RunConfig, make_run_config
from tl_core.errors import ConfigError
from tl_core.evaluation import predict_batches
from tl_core.evaluation.probes import MOST_PROBED, Probing, probe
from tl_core.evaluation.sampling import sample_evenly
from tl_core.features import NoRoom, Side
from tl_core.records import DatasetRecord, ImageRecord, Split
from tl_core.runs.execute import check, make_experiment, settle
from tl_core.training import Experiment, build_experiment_model
from tl_core.training.frozen_part import keep_activations
from tl_core.workspace import Workspace

Progress = Callable[[float], None]
"""Told the share that is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class DatasetFeatures:
    dataset: DatasetRecord
    config: RunConfig
    images: tuple[ImageRecord, ...]
    labels: tuple[int, ...]
    """Indices into the dataset's classes."""
    features: NDArray[Any]
    """Float32 [N, features]: pooled, as they would enter a head."""
    split: Split


def features_config(base: RunConfig) -> RunConfig:
    """Its data, backbone, weights and image size, with all of the backbone frozen and images as they are."""
    names = ("backbone", "weights", "image_size", "pretrained")
    model = {name: getattr(base.model, name) for name in names}
    changes = {**model, "augment": "none", "feature_precision": base.train.feature_precision}
    return make_run_config(base.data.dataset_id, changes).model_copy(update={"data": base.data})


def pretrained_features(
    workspace: Workspace,
    config: RunConfig,
    choose: Callable[[Split, Sequence[ImageRecord]], Sequence[int]] | None = None,
    on_progress: Progress = lambda share: None,
) -> DatasetFeatures:
    """Pass a dataset's images through a backbone, as its weights are before any training.

    Args:
        config: of which the dataset, the split, the backbone, its weights and the image size count.
        choose: positions of the images that are wanted; all of them if it is None.

    Raises:
        TransferLabError: the dataset or backbone is unknown, or weights are missing.
    """
    if not config.model.pretrained:
        raise ConfigError(
            "Pretrained: false leaves nothing to look at, since random weights have learned "
            "nothing."
        )
    config = features_config(config)
    config = settle(config, dataset := check(workspace, config))
    experiment = make_experiment(workspace, config)
    positions = (
        choose(experiment.split, experiment.images) if choose else range(len(experiment.images))
    )
    images = tuple(experiment.images[i] for i in positions)
    features = _compute(experiment, [image.position for image in images], on_progress)
    on_progress(1.0)
    labels = tuple(dataset.classes.index(image.class_name) for image in images)
    return DatasetFeatures(dataset, config, images, labels, features, experiment.split)


def learnable(most: int) -> Callable[[Split, Sequence[ImageRecord]], Sequence[int]]:
    """Training and validation images, at most so many; the test set is not looked at before a run's end."""

    def choose(split: Split, images: Sequence[ImageRecord]) -> Sequence[int]:
        positions = sorted((*split.train, *split.val))
        names = {
            name: label for label, name in enumerate(sorted({image.class_name for image in images}))
        }
        return [
            positions[i]
            for i in sample_evenly([names[images[p].class_name] for p in positions], most)
        ]

    return choose


def probe_dataset(
    workspace: Workspace,
    config: RunConfig,
    on_progress: Progress = lambda share: None,
    preparing: float = 0.5,
) -> Probing:
    """Classical models on the pretrained features of training and validation images, by cross-validation.

    Args:
        preparing: share of the time that computing the features takes, roughly.

    Raises:
        TransferLabError: as `pretrained_features`, and as `probe`.
    """
    found = pretrained_features(
        workspace, config, learnable(MOST_PROBED), lambda share: on_progress(preparing * share)
    )
    return probe(
        found.features,
        found.labels,
        [image.sha256 for image in found.images],
        found.dataset.classes,
        n_of=len(found.split.train) + len(found.split.val),
        on_progress=lambda share: on_progress(preparing + (1 - preparing) * share),
    )


def _compute(
    experiment: Experiment, positions: Sequence[int], on_progress: Progress
) -> NDArray[Any]:
    model, _ = build_experiment_model(experiment)
    side = Side(experiment.examples(positions), 1)
    kept, cut = keep_activations(experiment, model), len(model.stages)
    if kept:
        try:
            for done, total in kept.fill([side], [cut]):
                on_progress(done / total)
            return _gather([batch.inputs for batch in kept.examples(side, cut).once()])
        except NoRoom:
            pass
    return _pass_through(experiment, model, side, on_progress)


def _pass_through(
    experiment: Experiment, model: TransferModel, side: Side, on_progress: Progress
) -> NDArray[Any]:
    parts: list[torch.Tensor] = []
    for outputs in predict_batches(model, side.images, experiment.device.autocast):
        parts += outputs.features
        on_progress(sum(map(len, parts)) / len(side.images))
    return _gather(parts)


def _gather(parts: Sequence[torch.Tensor]) -> NDArray[Any]:
    whole: NDArray[Any] = (
        torch.cat([part.float().cpu() for part in parts]).numpy() if parts else np.zeros((0, 0))
    )
    return whole
