"""Run the frozen prefix once over the images and keep what comes out, so that epochs only train the rest."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from tl_core.config import TrainConfig
from tl_core.features.examples import FeatureExamples, ImageExamples
from tl_core.features.pieces import Pieces

MAX_FEATURE_BYTES = 2 * 2**30
"""Main memory that one run's activations may take; past it the prefix runs in every epoch instead."""


def can_keep_features(train: TrainConfig, epochs: int) -> bool:
    """Whether `epochs` epochs can use what a frozen prefix made of each image, and gain from it.

    Mixed images exist for one step only; and what is used in one epoch need not be kept.
    """
    return epochs > 1 and not train.mixup and not train.cutmix


def reserve_activations(prefix: nn.Module, sides: Sequence[tuple[ImageExamples, int]]) -> list[Tensor] | None:
    """For each (examples, views) an empty tensor [views, N, …]; None when together they pass `MAX_FEATURE_BYTES`."""
    examples, _ = sides[0]
    side = examples.preprocessing.size
    with torch.inference_mode():
        one: Tensor = prefix(torch.zeros(1, 3, side, side, device=examples.device))
    rows = sum(views * len(examples) for examples, views in sides)
    if rows * one.numel() * one.element_size() > MAX_FEATURE_BYTES:
        return None
    return [torch.empty(views, len(examples), *one.shape[1:]) for examples, views in sides]


def choose_views(n_train: int, epochs: int, augment: bool) -> int:
    """How many views of each training image to keep: fewer for big sets, never more than the epochs can use.

    View 0 is the image as it is; a set of 3,000 images or more gets one augmented view beside it, a small one four.
    """
    return min(epochs, 1 + max(1, min(4, 3_000 // n_train))) if augment else 1


def extract_features(out: Tensor, prefix: nn.Module, examples: ImageExamples) -> Iterator[int]:
    """Fill `out`, float [views, N, …], with the prefix's activations; yields how many images have been passed."""
    done, pieces = 0, Pieces()
    for view, rows in enumerate(out):
        start = 0
        for batch in examples.view(view):
            with torch.inference_mode():
                rows[start : start + len(batch.labels)] = pieces.forward(prefix, batch.inputs)
            start += len(batch.labels)
            done += len(batch.labels)
            yield done


def feature_examples(images: ImageExamples, activations: Tensor) -> FeatureExamples:
    """The same examples, read from their activations."""
    return FeatureExamples(
        activations,
        torch.tensor(images.labels),
        [image.position for image in images.images],
        images.batch_size,
        images.device,
        images.seed,
        images.balance,
    )
