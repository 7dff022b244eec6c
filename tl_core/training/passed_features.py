"""Features of the images of one side that have passed through the frozen stages so far."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tl_core.backbones import channels_first
from tl_core.cache import Rows
from tl_core.features import CachedActivations, Side

_MOST_BYTES = 64 * 2**20
"""Bytes of features that are kept; later images are left out."""


class PassedFeatures:
    """Collector of one side's features, without augmentation, averaged over all places."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.chunk_of = {i: number for number, chunk in enumerate(side.chunks) for i in chunk}
        self.classes: set[int] = set()
        self.width = 0
        """Number of features of an image."""
        self._indices: dict[int, None] = {}
        self._features: list[Tensor] = []
        self._rows: Rows | None = None
        self._cached: dict[int, int] = {}
        """Row of each cached image that the pass has not come to, by its index."""
        self._reached = 0
        """Chunks whose cached images have been added."""

    def __len__(self) -> int:
        return len(self._indices)

    def begin(self, kept: CachedActivations, cut: int) -> None:
        """Look up the images whose activations behind `cut` are cached already."""
        indices, self._rows = kept.cached(self.side, cut)
        self._cached = {index: row for row, index in enumerate(indices)}
        self._reached = 0

    def reach(self, chunk: int) -> None:
        """Add the cached images of all chunks up to this one."""
        while self._rows is not None and self._reached <= chunk < len(self.side.chunks):
            here = [i for i in self.side.chunks[self._reached] if i in self._cached]
            if here:
                found = self._rows.gather([self._cached[i] for i in here])
                self.add(here, torch.from_numpy(found).float())
            self._reached += 1

    def add(self, indices: Sequence[int], activations: Tensor) -> None:
        """Add images by index, with their activations, float [B, …], behind the frozen stages."""
        # A pass that starts anew, in another precision, brings the same images again.
        new = [place for place, index in enumerate(indices) if index not in self._indices]
        if not new or 4 * len(self) * self.width >= _MOST_BYTES:
            return
        self._features.append(_pooled(activations[new]))
        self.width = self._features[-1].shape[1]
        for place in new:
            self._indices[indices[place]] = None
            self.classes.add(self.side.images.labels[indices[place]])

    def table(self) -> tuple[Tensor, Tensor]:
        """Return features, float [N, D], and labels, int64 [N], in the order of the pass."""
        # Joined for good, so that the next time only the new ones are added.
        self._features = [torch.cat(self._features)]
        labels = self.side.images.labels
        return self._features[0], torch.tensor([labels[i] for i in self._indices])

    def positions(self) -> tuple[int, ...]:
        return tuple(self.side.images.images[i].position for i in self._indices)


def _pooled(activations: Tensor) -> Tensor:
    """Average maps [B, C, H, W] or [B, H, W, C], or tokens [B, N, D], over their places."""
    shape = tuple(activations.shape[1:])
    if len(shape) == 1:
        return activations
    if len(shape) == 2:
        return activations.mean(1)
    places = (2, 3) if channels_first(shape) == shape else (1, 2)
    return activations.mean(places)
