"""Heat-maps of a report: a right answer and a mistake, each beside its image."""

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tl_core.data.images import image_path, open_rgb
from tl_core.errors import TransferLabError
from tl_core.records import ImageRecord, Prediction
from tl_core.report.data_urls import data_url
from tl_core.runs.heat_overlay import overlay, where_words
from tl_core.runs.predictor import Predictor
from tl_core.text import confidence

_SIDE = 320
"""Longest side of an image, in pixels."""


@dataclass(frozen=True, slots=True)
class ExplainedImage:
    source: str
    """Image as a data URL, and below the same with the heat-map."""
    heat: str
    where: str
    """Location of the maximum, in words."""
    true: str
    """Name of the true class; like `answer` user text."""
    answer: str
    confidence: str
    is_right: bool


def explain_two(
    predictor: Predictor,
    folder: Path,
    images: Sequence[ImageRecord],
    predictions: Sequence[Prediction],
    classes: Sequence[str],
) -> tuple[ExplainedImage, ...]:
    """Explain the surest right answer and the surest mistake, where there are such.

    Images that are gone, and networks without an explanation, are left out.

    Args:
        folder: the dataset's folder.
        predictions: those of the test, whose positions are indices into `images`.
    """
    explained = []
    for is_right in (True, False):
        of_kind = [p for p in predictions if p.is_right is is_right]
        surest = max(of_kind, key=lambda p: (p.confidence, -p.position), default=None)
        if surest:
            with suppress(TransferLabError):
                path = image_path(folder, images[surest.position])
                explained.append(_explain(predictor, path, surest, classes))
    return tuple(explained)


def _explain(
    predictor: Predictor, path: Path, prediction: Prediction, classes: Sequence[str]
) -> ExplainedImage:
    explanation = predictor.explain(path, prediction.predicted)
    opened = open_rgb(path, predictor.max_pixels, draft_side=_SIDE, levels=predictor.levels)
    picture = opened.pixels
    picture.thumbnail((_SIDE, _SIDE))
    return ExplainedImage(
        _as_url(picture),
        _as_url(overlay(picture, explanation)),
        where_words(explanation),
        classes[prediction.true],
        classes[prediction.predicted],
        confidence(prediction.confidence),
        prediction.is_right,
    )


def _as_url(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80)
    return data_url(buffer.getvalue())
