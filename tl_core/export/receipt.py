"""Parity receipt: some test images, the app's answers to them, and the tolerance."""

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
"""Differences of the logarithms of probabilities: 0.02 is 2 % of a probability, however small. In earlier tests a GPU
rounded what its convolutions multiply to ten bits. Other processors and versions than ours round otherwise by 0.00001
or so; resizing with Pillow's filters in place of PyTorch's changes 0.01 to 0.04, reading images wrongly 0.5 and
more."""


@dataclass(frozen=True, slots=True)
class Receipt:
    n: int
    tolerance: float
    difference: float
    """Greatest difference of predict.py's log-probabilities when the receipt was made."""
    mistakes: dict[str, float]
    """Greatest difference with images read wrongly, by kind of error."""


def write_receipt(
    subject: Subject, positions: Sequence[int], wanted: Logs, model_file: Path, folder: Path
) -> Receipt:
    """Copy evenly chosen test images into `folder`, with the app's answers to them.

    Args:
        wanted: what it was told about all of `positions`.
        model_file: ONNX, which is asked as a stranger would: by way of predict.py.
    """
    model, folder = predict.Model(model_file), folder / "receipt"
    folder.mkdir()
    chosen = spread(len(positions), IMAGES)
    kept = []
    for number, place in enumerate(chosen, 1):
        source = subject.image_file(positions[place])
        file = folder / f"{number:02}{source.suffix}"
        shutil.copyfile(source, file)
        name = subject.images[positions[place]].name
        kept.append({"file": file.name, "name": name, "log_probabilities": wanted[place].tolist()})
    images = [predict.open_rgb(folder / str(each["file"]), model.preprocess) for each in kept]
    found = difference(_say(model, images, predict.prepare), wanted[chosen])
    mistakes = {
        wrong: difference(_say(model, images, how), wanted[chosen])
        for wrong, how in _MISTAKES.items()
    }
    receipt = Receipt(
        len(kept), min(_tolerance(found, mistakes), allowed(subject)), found, mistakes
    )
    told = {
        "about": "What the app was told about these test images: natural logarithms of probabilities, one a label. "
        "Smaller ones than the smallest 32-bit float count as that. verify.py compares.",
        "tolerance": receipt.tolerance,
        "difference_when_made": receipt.difference,
        "differences_had_images_been_read_wrongly": receipt.mistakes,
        "images": kept,
    }
    (folder / "receipt.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    return receipt


def allowed(subject: Subject) -> float:
    """Greatest difference from the app's log-probabilities that counts as rounding."""
    device = subject.run.facts.device or "CPU"
    return _MOST if device.startswith("CPU") else _MOST_OF_GPU


def _tolerance(found: float, mistakes: dict[str, float]) -> float:
    """A fifth of the smallest visible error, but more than the rounding of other processors."""
    smallest = min((by for by in mistakes.values() if by > _LEAST), default=_LEAST)
    return max(_LEAST, 3 * found, min(_MOST, smallest / 5))


def spread(n: int, most: int) -> list[int]:
    """Choose at most `most` of the numbers below `n`, evenly."""
    return list(range(n)) if n <= most else [i * n // most for i in range(most)]


Prepare = Callable[[Image.Image, dict[str, Any]], np.ndarray]


def _say(model: predict.Model, images: Sequence[Image.Image], prepare: Prepare) -> Logs:
    said = []
    for image in images:
        inputs = predict.normalise(prepare(image, model.preprocess), model.preprocess)[None]
        said.append(
            predict.log_softmax(
                model.session.run(None, {"images": inputs})[0][0].astype(np.float64)
            )
        )
    return np.asarray(np.maximum(np.stack(said), FLOOR))


def _squashed(image: Image.Image, preprocess: dict[str, Any]) -> np.ndarray:
    size = preprocess["size"]
    return np.asarray(image.resize((size, size), predict.FILTERS[preprocess["interpolation"]]))


_MISTAKES: dict[str, Prepare] = {
    "blue and red swapped": lambda image, pre: predict.prepare(image, pre)[..., ::-1],
    "stretched to a square instead of cropped": _squashed,
    "nothing cropped off": lambda image, pre: predict.prepare(
        image, {**pre, "resize": pre["size"]}
    ),
    "resized without smoothing": lambda image, pre: predict.prepare(
        image.resize(
            tuple(max(1, round(side * pre["resize"] / min(image.size))) for side in image.size), 0
        ),
        pre,
    ),
}
"""Most frequent errors of programs that read images for a model."""
