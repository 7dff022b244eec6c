"""Which images are passed through frozen stages, and in how many views; each view of each has a key of its own."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tl_core.cache import Shelf
from tl_core.features.examples import ImageExamples


@dataclass(frozen=True, slots=True)
class Side:
    """Images, each in several views: view 0 as it is, every other one varied in its own way."""

    images: ImageExamples
    views: int

    def keys(self, view: int) -> list[str]:
        """What identifies each image in that view: its bytes, and what decides how it is varied."""
        images, augment = self.images.images, self.images.augment
        if not view or augment is None:
            return [image.sha256 for image in images]
        how = f"{augment.model_dump_json()} {self.images.seed} {view}"
        return [f"{image.sha256} {digest(f'{how} {image.position}')}" for image in images]

    def all_keys(self) -> list[str]:
        """Of every view in turn."""
        return [key for view in range(self.views) for key in self.keys(view)]

    def missing(self, shelves: Sequence[Shelf]) -> Iterator["Missing"]:
        """What some shelf has not got, view by view; of several images with the same key only the first."""
        for view in range(self.views):
            keys = self.keys(view)
            first = {key: i for i, key in reversed(list(enumerate(keys)))}
            is_first = np.array([first[key] == i for i, key in enumerate(keys)], dtype=bool)
            lacks = np.array([np.logical_not(shelf.find(keys)) & is_first for shelf in shelves])
            rows = np.flatnonzero(lacks.any(0))
            if len(rows):
                yield Missing(
                    self.only(rows.tolist()), view, [keys[row] for row in rows], lacks[:, rows]
                )

    def only(self, indices: Sequence[int]) -> ImageExamples:
        """Some of the images, laid out as what computes on their device wants them."""
        images = self.images
        return replace(
            images,
            images=[images.images[i] for i in indices],
            labels=[images.labels[i] for i in indices],
            channels_last=images.device.type != "cpu",  # ONNX Runtime takes rows
        )


@dataclass(frozen=True, slots=True)
class Missing:
    """Images whose activations in one view some shelf has not got."""

    images: ImageExamples
    view: int
    keys: list[str]
    lacks: NDArray[np.bool_]
    """[shelves, images]: which shelf has not got which."""


def choose_views(n_train: int, epochs: int, augment: bool, wanted: int | None = None) -> int:
    """How many views of each training image to keep: never more than the epochs can use.

    View 0 is the image as it is. Unless a number is `wanted`, a set of 3,000 images or more gets one augmented view
    beside it, a small one four.
    """
    return min(epochs, wanted or 1 + max(1, min(4, 3_000 // n_train))) if augment else 1


def digest(text: str) -> str:
    """32 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
