"""Pictures for a report, with the model's answers: small copies inside the page itself."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tl_core.data.images import thumbnail_path
from tl_core.errors import UnknownDataset
from tl_core.records import ImageRecord, Prediction, Run
from tl_core.store import Artifacts, Store
from tl_core.text import confidence

_WRONG = 12
_RIGHT = 6


@dataclass(frozen=True, slots=True)
class ReportImage:
    source: str
    """Picture as a data URL; empty where it is gone."""
    true: str
    """User text, as `answer`."""
    answer: str
    confidence: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class ReportImages:
    wrong: tuple[ReportImage, ...]
    """The mistakes that it was surest of, the surest first."""
    n_wrong: int
    """In all."""
    right: tuple[ReportImage, ...]
    """Right answers, as evenly chosen over the classes as can be."""


def pick_images(
    store: Store,
    artifacts: Artifacts,
    run: Run,
    classes: Sequence[str],
    predictions: Sequence[Prediction],
) -> ReportImages | None:
    """Choose the images that a report shows; None when the dataset was deleted."""
    try:
        dataset = store.get_dataset(run.config.data.dataset_id)
    except UnknownDataset:
        return None
    images = store.list_images(dataset.id)
    folder = artifacts.dataset_folder(dataset.id)

    def show(p: Prediction) -> ReportImage:
        sure = confidence(p.confidence)
        return ReportImage(
            _picture(folder, images[p.position]),
            classes[p.true],
            classes[p.predicted],
            sure,
            p.is_right,
        )

    wrong = sorted((p for p in predictions if not p.is_right), key=lambda p: -p.confidence)
    right = _spread([p for p in predictions if p.is_right])[:_RIGHT]
    return ReportImages(tuple(map(show, wrong[:_WRONG])), len(wrong), tuple(map(show, right)))


def _spread(predictions: Sequence[Prediction]) -> list[Prediction]:
    """One of each class, then a second of each, and so on."""
    seen: dict[int, int] = {}
    ranked = []
    for p in predictions:
        seen[p.true] = seen.get(p.true, 0) + 1
        ranked.append((seen[p.true], p.true, p.position, p))
    return [p for *_, p in sorted(ranked, key=lambda entry: entry[:3])]


def _picture(folder: Path, image: ImageRecord) -> str:
    try:
        raw = thumbnail_path(folder, image.sha256).read_bytes()
    except OSError:
        return ""
    return f"data:image/webp;base64,{base64.b64encode(raw).decode()}"
