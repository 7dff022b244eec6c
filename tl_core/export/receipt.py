"""Parity receipt: some test images, the app's log-probabilities for them, and the tolerance."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tl_core.export.checking import FLOOR, Logs, difference
from tl_core.export.standalone import predict
from tl_core.export.subject import Subject

IMAGES = 20
_LEAST = 0.001
_MOST = 0.02
_MOST_OF_GPU = 0.2
"""Tolerances, as differences of log-probabilities: 0.02 is 2 % of a probability, however small.

Tests on a GPU used to run with TF32 convolutions, which round to ten bits. Other processors and
versions differ by about 0.00001, Pillow's filters instead of PyTorch's by 0.01 to 0.04, and wrongly
read images by 0.5 and more.
"""
_ABOUT = (
    "Natural logarithms of the probabilities that the app computed for these test images, one "
    "per label. Probabilities below the smallest normal 32-bit float count as that. verify.py "
    "compares them."
)

Prepare = Callable[[Image.Image, dict[str, Any]], np.ndarray]
"""Function from an RGB image and the preprocessing to bytes [size, size, 3]."""


@dataclass(frozen=True, slots=True)
class Receipt:
    n: int
    """Number of images."""
    tolerance: float
    difference: float
    """Largest difference of predict.py's log-probabilities when the receipt was made."""
    mistakes: dict[str, float]
    """Largest difference with images read wrongly, by kind of error."""


def write_receipt(
    subject: Subject, positions: Sequence[int], wanted: Logs, model_file: Path, folder: Path
) -> Receipt:
    """Copy evenly chosen test images into `folder`, with the app's log-probabilities.

    Args:
        wanted: stored log-probabilities of all `positions`.
        model_file: ONNX file, run by predict.py as its users will.
    """
    model = predict.Model(model_file)
    folder = folder / "receipt"
    folder.mkdir()
    chosen = spread(len(positions), IMAGES)
    entries: list[dict[str, Any]] = []
    images: list[Image.Image] = []
    for number, place in enumerate(chosen, 1):
        position = positions[place]
        source = subject.image_file(position)
        # Numbered, because user text never becomes a path.
        file = folder / f"{number:02}{source.suffix}"
        shutil.copyfile(source, file)
        # The copy is read, as verify.py will do.
        images.append(predict.open_rgb(file, model.preprocess))
        entries.append(
            {
                "file": file.name,
                "name": subject.images[position].name,
                "log_probabilities": wanted[place].tolist(),
            }
        )

    def difference_with(prepare: Prepare) -> float:
        return difference(_log_probabilities(model, images, prepare), wanted[chosen])

    measured = difference_with(predict.prepare)
    mistakes = {name: difference_with(prepare) for name, prepare in _MISTAKES.items()}
    tolerance = min(_tolerance(measured, mistakes), allowed(subject))
    content = {
        "about": _ABOUT,
        "tolerance": tolerance,
        "difference_when_made": measured,
        "differences_had_images_been_read_wrongly": mistakes,
        "images": entries,
    }
    (folder / "receipt.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return Receipt(len(entries), tolerance, measured, mistakes)


def allowed(subject: Subject) -> float:
    """Return the largest difference from the app's log-probabilities that counts as rounding."""
    device = subject.run.facts.device or "CPU"
    return _MOST if device.startswith("CPU") else _MOST_OF_GPU


def _tolerance(measured: float, mistakes: dict[str, float]) -> float:
    """Return a fifth of the smallest visible mistake, or more to allow for other processors."""
    # A mistake that changes nothing on these images says nothing about the tolerance.
    visible = [each for each in mistakes.values() if each > _LEAST]
    smallest = min(visible, default=_LEAST)
    return max(_LEAST, 3 * measured, min(_MOST, smallest / 5))


def spread(n: int, most: int) -> list[int]:
    """Choose at most `most` of the numbers below `n`, evenly spaced."""
    # Without chance, so that every export of a run uses the same images.
    return list(range(n)) if n <= most else [i * n // most for i in range(most)]


def _log_probabilities(
    model: predict.Model, images: Sequence[Image.Image], prepare: Prepare
) -> Logs:
    rows = []
    for image in images:
        # One image at a time, as in verify.py: another batch size may round differently.
        inputs = predict.normalise(prepare(image, model.preprocess), model.preprocess)[None]
        logits = model.session.run(None, {"images": inputs})[0][0]
        rows.append(predict.log_softmax(logits.astype(np.float64)))
    return np.asarray(np.maximum(np.stack(rows), FLOOR))


def _channels_swapped(image: Image.Image, preprocess: dict[str, Any]) -> np.ndarray:
    return predict.prepare(image, preprocess)[..., ::-1]


def _stretched(image: Image.Image, preprocess: dict[str, Any]) -> np.ndarray:
    size = preprocess["size"]
    return np.asarray(image.resize((size, size), predict.FILTERS[preprocess["interpolation"]]))


def _not_cropped(image: Image.Image, preprocess: dict[str, Any]) -> np.ndarray:
    return predict.prepare(image, {**preprocess, "resize": preprocess["size"]})


def _without_smoothing(image: Image.Image, preprocess: dict[str, Any]) -> np.ndarray:
    scale = preprocess["resize"] / min(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    resized = image.resize((width, height), Image.Resampling.NEAREST)
    return predict.prepare(resized, preprocess)


_MISTAKES: dict[str, Prepare] = {
    "blue and red swapped": _channels_swapped,
    "stretched to a square instead of cropped": _stretched,
    "not cropped": _not_cropped,
    "resized without smoothing": _without_smoothing,
}
"""Most frequent errors of programs that read images for a model."""
