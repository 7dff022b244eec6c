"""Images whose activations are cached, in one or several augmented views, and their keys."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tl_core.cache import Shelf
from tl_core.features.examples import ImageExamples
from tl_core.features.pass_order import Chunks


@dataclass(frozen=True, slots=True)
class Side:
    """Images of one side of the split in several views: view 0 plain, the others augmented."""

    images: ImageExamples
    views: int
    chunks: Chunks = ()
    """Order of the pass: all views of a chunk before the next chunk. By default view by view."""

    def keys(self, view: int) -> list[str]:
        """Return a key per image: digest of its bytes, and of all that decides its augmentation."""
        images = self.images.images
        augment = self.images.augment
        if not view or augment is None:
            return [image.sha256 for image in images]
        how = f"{augment.model_dump_json()} {view}"
        # The position belongs to the key, since augmentation is drawn from it.
        return [f"{image.sha256} {digest(f'{how} {image.position}')}" for image in images]

    def all_keys(self) -> list[str]:
        """Return the keys of every view in turn."""
        return [key for view in range(self.views) for key in self.keys(view)]

    def missing(self, shelves: Sequence[Shelf], *, verified: bool = True) -> list[list["Missing"]]:
        """Return what any shelf lacks, by chunk and view; of images with one key only the first.

        Args:
            verified: see `Shelf.find`.
        """
        chunks = self.chunks or (tuple(range(len(self.images))),)
        found: list[list[Missing]] = [[] for _ in chunks]
        for view in range(self.views):
            keys = self.keys(view)
            # Reversed, so that of equal keys the first index is the one that stays.
            first = {key: i for i, key in reversed(list(enumerate(keys)))}
            is_first = np.array([first[key] == i for i, key in enumerate(keys)], dtype=bool)
            held = [shelf.find(keys, verified=verified) for shelf in shelves]
            lacks = np.array([np.logical_not(each) & is_first for each in held])
            for number, chunk in enumerate(chunks):
                rows = [i for i in chunk if lacks[:, i].any()]
                if rows:
                    missing_keys = [keys[row] for row in rows]
                    found[number].append(Missing(self, view, rows, missing_keys, lacks[:, rows]))
        return found

    def only(self, indices: Sequence[int]) -> ImageExamples:
        """Return the images at `indices`, in the memory layout that suits their device."""
        images = self.images
        return replace(
            images,
            images=[images.images[i] for i in indices],
            labels=[images.labels[i] for i in indices],
            # ONNX Runtime, which computes on the CPU, takes NCHW.
            channels_last=images.device.type != "cpu",
        )


@dataclass(frozen=True, slots=True)
class Missing:
    """Images whose activations in one view are not on every shelf."""

    side: Side
    view: int
    indices: list[int]
    """Index of each image on its side."""
    keys: list[str]
    lacks: NDArray[np.bool_]
    """Mask [shelves, images] of the missing rows."""

    @property
    def images(self) -> ImageExamples:
        return self.side.only(self.indices)

    def less_found(self, shelves: Sequence[Shelf]) -> "Missing":
        """Return what is still missing, after others have written to the shelves."""
        found = np.array([shelf.find(self.keys) for shelf in shelves], dtype=bool)
        lacks = self.lacks & ~found
        left = np.flatnonzero(lacks.any(0)).tolist()
        return replace(
            self,
            indices=[self.indices[i] for i in left],
            keys=[self.keys[i] for i in left],
            lacks=lacks[:, left],
        )


@dataclass(frozen=True, slots=True)
class Passed:
    """Images of one side that have just passed through the frozen prefix, in one view."""

    done: int
    """Images passed so far, counted once per view."""
    total: int
    """Images to pass, though others may pass some of them at the same time."""
    side: Side
    view: int
    indices: list[int]
    """Index of each image on its side."""
    activations: Tensor
    """Activations behind the deepest cut, float [B, …] in main memory."""


def in_turns(sides: Sequence[Sequence[Sequence[Missing]]]) -> list[Missing]:
    """Return the missing images of several sides in the order of the pass: by chunk, then side."""
    rounds = zip_longest(*sides, fillvalue=())
    return [missing for chunks in rounds for chunk in chunks for missing in chunk]


def choose_views(n_train: int, epochs: int, augment: bool, wanted: int | None = None) -> int:
    """Choose the number of cached views of each training image, at most one per epoch.

    View 0 is not augmented. Unless a number is `wanted`, 3,000 images or more get one augmented
    view beside it, fewer images up to four.
    """
    if not augment:
        return 1
    # The fewer the images, the more they gain from variety and the less each view costs.
    augmented = max(1, min(4, 3_000 // n_train))
    # An epoch draws one view per image, so that more views than epochs are never all used.
    return min(epochs, wanted or 1 + augmented)


def digest(text: str) -> str:
    """Return the first 32 hex digits of the SHA-256 of `text`."""
    # 128 bits make collisions practically impossible; more would only lengthen every key.
    return hashlib.sha256(text.encode()).hexdigest()[:32]
