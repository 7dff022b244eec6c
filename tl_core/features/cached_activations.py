"""Activations of the frozen prefix in the cache: computed once per image and network."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from functools import cache, cached_property
from importlib.metadata import version
from itertools import chain, compress, pairwise
from math import prod
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from tl_core.backbones import Anatomy, Backbone, TransferModel, anatomy, digest_of_weights
from tl_core.cache import CacheMiss, RowCache, Rows, Shelf
from tl_core.data.pixels import VERSION as DECODING_VERSION
from tl_core.errors import Cancelled
from tl_core.features.activation_rows import NoRoom, RowWriter, read_rows
from tl_core.features.examples import FeatureExamples, ImageExamples
from tl_core.features.image_views import Missing, Passed, Side, digest, in_turns
from tl_core.features.onnx_prefix import OnnxPrefix
from tl_core.features.prefix import Autocast, Cuts, Prefix, TorchPrefix, make_prefix

Item = TypeVar("Item")
Precision = Literal["float32", "float16"]
_VERSION: dict[Precision, int] = {"float32": 1, "float16": 2}
"""Version of the rows, to be raised when the same image would give other numbers."""
_SHARED_SECONDS = 1.0
"""Time after which the end of a chunk is a reason to write, so that others see its rows."""
# Another release of any of these may decode, resize or compute with other rounding.
_LIBRARIES = ("torch", "torchvision", "timm", "pillow")


@cache
def library_versions() -> tuple[str, ...]:
    """Return the versions of the libraries that decide about rounding.

    They are read once: each reading searches and parses files of the installation, and has failed
    in a busy server.
    """
    return tuple(version(name) for name in _LIBRARIES)


def activation_bytes(parts: Anatomy, cut: int, precision: Precision) -> int:
    """Return the bytes of one image's activations behind `cut` stages (pooled behind the last)."""
    numbers = parts.features if cut == len(parts.stages) else prod(parts.stages[cut - 1].shape)
    return numbers * np.dtype(precision).itemsize


class CachedActivations:
    """Cached activations of one network's frozen prefix, shared by all runs that have the same."""

    def __init__(
        self,
        cache: RowCache,
        backbone: Backbone,
        model: TransferModel | None,
        image_size: int | None,
        *,
        precision: Precision = "float32",
        autocast: Autocast = nullcontext,
        exported: dict[str, OnnxPrefix] | None = None,
        only_torch: bool = False,
        stage_digests: Sequence[str] = (),
    ) -> None:
        """
        Args:
            model: network; None with `stage_digests`, to look rows up only.
            exported: networks in ONNX Runtime by key, reused and added to.
            only_torch: use rows computed by PyTorch only.
            stage_digests: digests of the stages' weights if they are known, else computed.
        """
        self._given_digests = list(stage_digests)
        self._exported = {} if exported is None else exported
        self._cache = cache
        self._model = model
        self._autocast = autocast
        self._only_torch = only_torch
        self._anatomy = anatomy(backbone, image_size)
        self._name = backbone.name
        self._precision = precision
        self._dtype = np.dtype(precision)
        self.engine = TorchPrefix.title if only_torch else ""
        """Name of the engine that computed the last missing rows; "" if not known."""

    def row_bytes(self, cut: int) -> int:
        """Return the bytes of one image's activations behind `cut` stages."""
        return activation_bytes(self._anatomy, cut, self._precision)

    def missing(self, side: Side, cuts: Sequence[int]) -> list[Missing]:
        """List by view what the cache lacks behind any of the `cuts`, from its files' headers.

        Nothing is computed or marked as used, so that a few milliseconds suffice.
        """
        shelves = [self._shelf(cut, side.images) for cut in cuts]
        return list(chain.from_iterable(side.missing(shelves, verified=False)))

    def fill(self, sides: Sequence[Side], cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Compute what is missing, as `passes` does; yield (images passed, images to pass)."""
        for passed in self.passes(sides, cuts):
            yield passed.done, passed.total

    def passes(self, sides: Sequence[Side], cuts: Sequence[int]) -> Iterator[Passed]:
        """Compute in one pass what is missing behind each of the `cuts`, in ascending order.

        Of two passes over the same images at the same time, the second goes from the end to the
        beginning. Each leaves out what the other has written, so that they meet halfway; neither
        waits for the other, which may be paused.

        Raises:
            NoRoom: the rows do not fit into the cache; as `TooLarge`, into the precision.
            Cancelled: the work was asked to stop.
        """
        used: set[Path] = set()
        # The shelves share `used`, so that writing to one does not delete rows of another.
        shelves = [self._shelf(cut, sides[0].images, used) for cut in cuts]
        by_side = [side.missing(shelves) for side in sides]
        todo = in_turns(by_side)
        if not todo:
            return
        lacking = sum(missing.lacks.sum(1) for missing in todo)
        needed = int(lacking @ np.array([self.row_bytes(cut) for cut in cuts]))
        # Asked before the pass, which can take many minutes.
        if not shelves[0].has_room_for(needed):
            raise NoRoom(f"{needed:,} bytes")
        name = digest("".join(chain.from_iterable(side.keys(0) for side in sides)))
        with shelves[-1].turn(name) as is_first:
            if not is_first:
                # Side by side, so that a classifier can be fitted early here, too.
                todo = in_turns([[chunk[::-1] for chunk in side[::-1]] for side in by_side])
            yield from self._pass(todo, cuts, shelves, used)

    def _pass(
        self,
        todo: Sequence[Missing],
        cuts: Sequence[int],
        shelves: Sequence[Shelf],
        used: set[Path],
    ) -> Iterator[Passed]:
        writers = [RowWriter(shelf, self._dtype) for shelf in shelves]
        total = sum(len(missing.keys) for missing in todo)
        computed = self._compute(_still_missing(todo, shelves, writers), cuts, total, used)
        if todo[0].images.device.type == "cuda":
            computed = _one_behind(computed)
        done = 0
        try:
            for missing, chosen, outputs in computed:
                for writer, lacks, output in zip(writers, missing.lacks, outputs, strict=True):
                    keys = compress(missing.keys[chosen], lacks[chosen])
                    writer.add(keys, output[torch.from_numpy(lacks[chosen])])
                done += chosen.stop - chosen.start
                yield Passed(
                    done, total, missing.side, missing.view, missing.indices[chosen], output
                )
        # The caller asks for a stop, too, and then closes this generator.
        except (Cancelled, GeneratorExit):
            # A paused run need not pass these images again when it is resumed.
            with suppress(NoRoom):
                _flush(writers)
            raise
        _flush(writers)

    def _compute(
        self, todo: Iterable[Missing], cuts: Sequence[int], total: int, used: set[Path]
    ) -> Iterator[tuple[Missing, slice, Iterable[Tensor]]]:
        """Yield missing images, a slice of them, and their activations (in transfer)."""
        prefix = None
        for missing in todo:
            images = missing.images
            # Pixels decoded here may be cached, but not in place of activations in use.
            images = replace(images, cache=images.cache and self._cache.sparing(used))
            start = 0
            for batch in images.view(missing.view):
                # Made with the first batch, on which the engines are compared.
                prefix = prefix or self._prefix(cuts, batch.inputs, total, images)
                outputs = prefix(batch.inputs)
                end = start + len(batch.labels)
                yield missing, slice(start, end), outputs
                start = end

    def cached(self, side: Side, cut: int) -> tuple[list[int], Rows | None]:
        """Return the images of a side whose plain view is cached behind `cut`, and their rows.

        The rows are None where there are none, or where some have just been evicted.
        """
        shelf = self._shelf(cut, side.images)
        keys = side.keys(0)
        indices = np.flatnonzero(shelf.find(keys)).tolist()
        try:
            return indices, shelf.rows([keys[i] for i in indices]) if indices else None
        except CacheMiss:
            return [], None

    def examples(self, side: Side, cut: int) -> FeatureExamples:
        """Return the side's examples as activations behind `cut` stages.

        Raises:
            NoRoom: some rows have been evicted.
        """
        images = side.images
        try:
            rows = self._shelf(cut, images).rows(side.all_keys())
        # Another run may have needed the room since `fill`.
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
        assert self._model
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
        # Only inside the context does torch tell in which type it would compute.
        with self._autocast():
            precision = torch.float32
            if torch.is_autocast_enabled(device):
                precision = torch.get_autocast_dtype(device)
        computed_in = str(precision).removeprefix("torch.")
        # Engines and devices round differently; exact rows must not be mixed with others.
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
                "decoded how": DECODING_VERSION,
                "made how": _VERSION[self._precision],
                "libraries": list(library_versions()),
            },
            used,
        )

    def _weights(self, cut: int) -> str:
        # Only stages in front of the cut, so that runs that train other ones behind it share rows.
        return digest("".join(self._stage_digests[:cut]))

    @cached_property
    def _stage_digests(self) -> list[str]:
        if self._model is None:
            return self._given_digests
        # Kept, as hashing all weights takes time; stages that train are never in front of a cut.
        return [digest_of_weights(stage) for stage in self._model.stages]

    def digests_before(self, cut: int) -> list[str]:
        """Return the digests of the weights of the first `cut` stages."""
        return self._stage_digests[:cut]


def _still_missing(
    todo: Sequence[Missing], shelves: Sequence[Shelf], writers: Sequence[RowWriter]
) -> Iterator[Missing]:
    """Yield what is missing when its turn comes, since others may have written it meanwhile."""
    for missing in todo:
        # What nobody can see yet, another run would compute, too.
        for writer in writers:
            writer.flush_older(_SHARED_SECONDS)
        left = missing.less_found(shelves)
        if left.keys:
            yield left


def _flush(writers: Iterable[RowWriter]) -> None:
    for writer in writers:
        writer.flush()


def _one_behind(items: Iterable[Item]) -> Iterator[Item]:
    """Yield each item after the next was started, so that a GPU computes while rows are written."""
    for item, _ in pairwise(chain(items, [None])):
        assert item is not None
        yield item
