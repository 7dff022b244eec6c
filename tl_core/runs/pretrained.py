"""Features of a dataset from a pretrained backbone, computed through the activation cache.

A later run with the same backbone finds its activations in the cache and starts at once.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tl_core.backbones import TransferModel
from tl_core.config import RunConfig, make_run_config
from tl_core.data.copies import content_keys
from tl_core.errors import ConfigError
from tl_core.evaluation import predict_batches
from tl_core.evaluation.probes import MOST_PROBED, PROBES, REFERENCE, Probing, probe
from tl_core.evaluation.sampling import sample_evenly
from tl_core.features import NoRoom, Side
from tl_core.records import DatasetRecord, ImageRecord, Split
from tl_core.runs.execute import check, make_experiment, settle
from tl_core.training import Experiment, build_experiment_model
from tl_core.training.frozen_part import keep_activations, remember_weights
from tl_core.workspace import Workspace

Progress = Callable[[float], None]
"""Callback that receives the completed share, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class DatasetFeatures:
    """Features of images, with the settings that they were computed with."""

    dataset: DatasetRecord
    config: RunConfig
    images: tuple[ImageRecord, ...]
    labels: tuple[int, ...]
    """Indices into the dataset's classes."""
    features: NDArray[Any]
    """Float32 [N, features]: pooled, as a head receives them."""
    split: Split


def features_config(base: RunConfig) -> RunConfig:
    """Return settings for feature extraction: all stages frozen and no augmentation.

    Data, backbone, weights and image size are those of `base`.
    """
    names = ("backbone", "weights", "image_size", "pretrained")
    model = {name: getattr(base.model, name) for name in names}
    changes = {**model, "augment": "none", "feature_precision": base.train.feature_precision}
    # The split is that of `base`, so that the same images stay unseen.
    return make_run_config(base.data.dataset_id, changes).model_copy(update={"data": base.data})


def pretrained_features(
    workspace: Workspace,
    config: RunConfig,
    choose: Callable[[Split, Sequence[ImageRecord]], Sequence[int]] | None = None,
    on_progress: Progress = lambda share: None,
) -> DatasetFeatures:
    """Compute the features of a dataset's images with an untouched pretrained backbone.

    Args:
        config: settings, of which `features_config` uses a part.
        choose: selects positions of images; None for all images.

    Raises:
        TransferLabError: the dataset or backbone is unknown, or weights are missing.
    """
    if not config.model.pretrained:
        raise ConfigError(
            "Pretrained: false cannot be used for features, because random weights have learned "
            "nothing."
        )
    config = features_config(config)
    dataset = check(workspace, config)
    config = settle(config, dataset)
    experiment = make_experiment(workspace, config)
    images: Sequence[ImageRecord] = experiment.images
    if choose:
        images = [images[i] for i in choose(experiment.split, images)]
    features = _compute(experiment, [image.position for image in images], on_progress)
    on_progress(1.0)
    labels = tuple(dataset.classes.index(image.class_name) for image in images)
    return DatasetFeatures(dataset, config, tuple(images), labels, features, experiment.split)


def learnable(most: int) -> Callable[[Split, Sequence[ImageRecord]], Sequence[int]]:
    """Return a function that samples at most `most` training and validation images.

    It never chooses test images, which stay unseen until a run ends.
    """

    def choose(split: Split, images: Sequence[ImageRecord]) -> Sequence[int]:
        positions = sorted((*split.train, *split.val))
        classes = sorted({image.class_name for image in images})
        label_of = {name: label for label, name in enumerate(classes)}
        labels = [label_of[images[position].class_name] for position in positions]
        return [positions[i] for i in sample_evenly(labels, most)]

    return choose


def probe_dataset(
    workspace: Workspace,
    config: RunConfig,
    on_progress: Callable[[float, str], None] = lambda share, step: None,
    *,
    quick: bool = False,
) -> Probing:
    """Cross-validate classical models on pretrained features of training and validation images.

    Args:
        on_progress: receives the completed share, 0 to 1, and what is being done.
        quick: whether only logistic regression is tried, which takes seconds.

    Raises:
        TransferLabError: as `pretrained_features` and `probe`.
    """

    # Approximate share of the time that computing the features takes.
    preparing = 0.8 if quick else 0.5

    def prepared(share: float) -> None:
        on_progress(preparing * share, "Computing the features of all images")

    def probed(share: float) -> None:
        on_progress(preparing + (1 - preparing) * share, "Cross-validating classical models")

    found = pretrained_features(workspace, config, learnable(MOST_PROBED), prepared)
    keys = content_keys(found.images)
    return probe(
        found.features,
        found.labels,
        # Copies of an image must stay in one fold.
        [keys[image.sha256] for image in found.images],
        found.dataset.classes,
        models=(REFERENCE,) if quick else PROBES,
        n_of=len(found.split.train) + len(found.split.val),
        on_progress=probed,
    )


def _compute(
    experiment: Experiment, positions: Sequence[int], on_progress: Progress
) -> NDArray[Any]:
    model, _ = build_experiment_model(experiment)
    side = Side(experiment.examples(positions), 1)
    activations = keep_activations(experiment, model)
    if activations:
        # Behind the last stage lie the features that a head receives.
        cut = len(model.stages)
        # Too little room only costs the reuse: features are then computed without the cache.
        with suppress(NoRoom):
            for done, total in activations.fill([side], [cut]):
                on_progress(done / total)
            remember_weights(experiment, activations, cut)
            batches = activations.examples(side, cut).once()
            return _concatenate([batch.inputs for batch in batches])
    return _compute_uncached(experiment, model, side, on_progress)


def _compute_uncached(
    experiment: Experiment, model: TransferModel, side: Side, on_progress: Progress
) -> NDArray[Any]:
    parts: list[torch.Tensor] = []
    for outputs in predict_batches(model, side.images, experiment.device.autocast):
        parts += outputs.features
        on_progress(sum(map(len, parts)) / len(side.images))
    return _concatenate(parts)


def _concatenate(parts: Sequence[torch.Tensor]) -> NDArray[Any]:
    if not parts:
        return np.zeros((0, 0))
    features: NDArray[Any] = torch.cat([part.float().cpu() for part in parts]).numpy()
    return features
