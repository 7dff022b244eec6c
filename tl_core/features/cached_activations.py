"""Activations of frozen stages, kept in the cache by what they were made of: computed once for an image, ever."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import cached_property
from importlib.metadata import version
from itertools import chain, compress, pairwise
from math import prod
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from tl_core.backbones import Anatomy, Backbone, TransferModel, anatomy, digest_of_weights
from tl_core.cache import CacheMiss, RowCache, Shelf
from tl_core.features.activation_rows import NoRoom, RowWriter, read_rows
from tl_core.features.examples import FeatureExamples, ImageExamples
from tl_core.features.image_views import Missing, Side, digest
from tl_core.features.onnx_prefix import OnnxPrefix
from tl_core.features.prefix import Autocast, Cuts, Prefix, TorchPrefix, make_prefix

Item = TypeVar("Item")
Precision = Literal["float32", "float16"]
_MADE_HOW: dict[Precision, int] = {"float32": 1, "float16": 2}
"""Raised whenever the same image, decoded or varied in a new way, would give other numbers."""
_LIBRARIES = ("torch", "torchvision", "timm", "pillow")


def activation_bytes(parts: Anatomy, cut: int, precision: Precision) -> int:
    """Of one image behind `cut` stages; pooled behind all of them."""
    numbers = parts.features if cut == len(parts.stages) else prod(parts.stages[cut - 1].shape)
    return numbers * np.dtype(precision).itemsize


class KeptActivations:
    """Of one network's frozen stages; shared with every run that has the same."""

    def __init__(
        self,
        cache: RowCache,
        backbone: Backbone,
        model: TransferModel,
        image_size: int | None,
        *,
        precision: Precision = "float32",
        autocast: Autocast = nullcontext,
        exported: dict[str, OnnxPrefix] | None = None,
        only_torch: bool = False,
    ) -> None:
        """
        Args:
            exported: what was exported before, and will be, by what it was made of.
            only_torch: what another runtime gives is not used, kept or not.
        """
        self._exported = {} if exported is None else exported
        self._cache, self._model, self._autocast, self._only_torch = (
            cache,
            model,
            autocast,
            only_torch,
        )
        self._anatomy, self._name = anatomy(backbone, image_size), backbone.name
        self._precision, self._dtype = precision, np.dtype(precision)
        self.engine = TorchPrefix.title if only_torch else ""
        """What computed the last activations that were missing, or all; "" where that is not known."""

    def row_bytes(self, cut: int) -> int:
        """Of one image's activations behind `cut` stages; pooled behind all of them."""
        return activation_bytes(self._anatomy, cut, self._precision)

    def fill(self, sides: Sequence[Side], cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Compute what is missing behind each of the `cuts`, all in one pass; yields (images passed, of how many).

        Raises:
            NoRoom: it does not fit; as `TooLarge`, into the precision.
            Cancelled: it was asked to stop.
        """
        used: set[Path] = set()
        shelves = [self._shelf(cut, sides[0].images, used) for cut in cuts]
        todo = [missing for side in sides for missing in side.missing(shelves)]
        total = sum(len(missing.keys) for missing in todo)
        if not total:
            return
        lacking = sum(missing.lacks.sum(1) for missing in todo)
        needed = int(lacking @ np.array([self.row_bytes(cut) for cut in cuts]))
        if not shelves[0].has_room_for(needed):
            raise NoRoom(f"{needed:,} bytes")
        made, done = self._make(todo, cuts, total, used), 0
        if sides[0].images.device.type == "cuda":
            made = _one_behind(made)
        writers = [RowWriter(shelf, self._dtype) for shelf in shelves]
        for missing, chosen, outputs in made:
            for writer, lacks, output in zip(writers, missing.lacks, outputs, strict=True):
                writer.add(
                    compress(missing.keys[chosen], lacks[chosen]),
                    output[torch.from_numpy(lacks[chosen])],
                )
            done += chosen.stop - chosen.start
            yield done, total
        for writer in writers:
            writer.flush()

    def _make(
        self, todo: Sequence[Missing], cuts: Sequence[int], total: int, used: set[Path]
    ) -> Iterator[tuple[Missing, slice, Iterable[Tensor]]]:
        """Which of the missing come next, and what the prefix makes of them: perhaps still under way."""
        prefix = None
        for missing in todo:
            # Pixels that are decoded on the way may be kept as well, but not in the place of what is used next.
            images, start = (
                replace(missing.images, cache=missing.images.cache and self._cache.sparing(used)),
                0,
            )
            for batch in images.view(missing.view):
                prefix = prefix or self._prefix(cuts, batch.inputs, total, images)
                outputs = prefix(batch.inputs)
                yield missing, slice(start, start := start + len(batch.labels)), outputs

    def examples(self, side: Side, cut: int) -> FeatureExamples:
        """The same examples, read from their activations.

        Raises:
            NoRoom: some have been thrown out again.
        """
        images = side.images
        try:
            rows = self._shelf(cut, images).rows(side.all_keys())
        except CacheMiss as error:
            raise NoRoom(str(error)) from error
        return FeatureExamples(
            read_rows(rows, side.views, images.device, images.stop),
            torch.tensor(images.labels),
            [image.position for image in images.images],
            images.batch_size,
            images.device,
            images.seed,
            images.balance,
            images.stop,
        )

    def _prefix(
        self, cuts: Sequence[int], sample: Tensor, n_images: int, images: ImageExamples
    ) -> Prefix:
        key = f"{list(cuts)} {self._weights(max(cuts))} {images.preprocessing.size}"
        prefix: Prefix = self._exported.get(key) or make_prefix(
            Cuts(self._model, cuts),
            sample,
            float(self._anatomy.multiply_adds),
            n_images,
            autocast=self._autocast,
            stop=images.stop,
            only_torch=self._only_torch,
        )
        if isinstance(prefix, OnnxPrefix):
            self._exported[key] = prefix
        self.engine = prefix.title
        return prefix

    def _shelf(self, cut: int, images: ImageExamples, used: set[Path] | None = None) -> Shelf:
        device = images.device.type
        with self._autocast():
            precision = (
                torch.get_autocast_dtype(device)
                if torch.is_autocast_enabled(device)
                else torch.float32
            )
        computed_in = str(precision).removeprefix("torch.")
        if self._only_torch:
            computed_in += f" by PyTorch on {device}"
        return self._cache.shelf(
            {
                "what": "activations",
                "backbone": self._name,
                "stages": cut,
                "pooled": cut == len(self._anatomy.stages),
                "weights": self._weights(cut),
                "preprocessing": list(asdict(images.preprocessing).values()),
                "computed in": computed_in,
                "kept in": self._dtype.name,
                "made how": _MADE_HOW[self._precision],
                "libraries": [version(name) for name in _LIBRARIES],
            },
            used,
        )

    def _weights(self, cut: int) -> str:
        return digest("".join(self._stage_digests[:cut]))

    @cached_property
    def _stage_digests(self) -> list[str]:
        return [digest_of_weights(stage) for stage in self._model.stages]


def _one_behind(items: Iterable[Item]) -> Iterator[Item]:
    """Each once the next was begun: a GPU then has work while the one before is written down."""
    for item, _ in pairwise(chain(items, [None])):
        assert item is not None
        yield item
