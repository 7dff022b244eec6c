"""Images of a report with the model's predictions, embedded in the page as small copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tl_core.data.images import thumbnail_path
from tl_core.errors import UnknownDataset
from tl_core.records import ImageRecord, Prediction, Run
from tl_core.report.data_urls import data_url
from tl_core.report.heatmaps import ExplainedImage, explain_two
from tl_core.runs.predictor import Predictor
from tl_core.store import Artifacts, Store
from tl_core.text import confidence

_WRONG = 12
_RIGHT = 6


@dataclass(frozen=True, slots=True)
class ReportImage:
    source: str
    """Image as a data URL; empty if the file is missing."""
    true: str
    """Name of the true class; like `answer` user text."""
    answer: str
    confidence: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class ReportImages:
    wrong: tuple[ReportImage, ...]
    """Most confident mistakes, in decreasing order of confidence."""
    n_wrong: int
    """Number of all mistakes."""
    right: tuple[ReportImage, ...]
    """Correctly classified images, spread evenly over the classes."""
    explained: tuple[ExplainedImage, ...]
    """Right answer and mistake with their heat-maps; empty without a model to ask."""


def pick_images(
    store: Store,
    artifacts: Artifacts,
    run: Run,
    classes: Sequence[str],
    predictions: Sequence[Prediction],
    *,
    predictor: Predictor | None,
) -> ReportImages | None:
    """Choose the images that a report shows; None if the dataset was deleted.

    Args:
        predictor: the run's model, which explains two answers; None leaves them out.
    """
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
    explained = explain_two(predictor, folder, images, predictions, classes) if predictor else ()
    return ReportImages(
        tuple(map(show, wrong[:_WRONG])), len(wrong), tuple(map(show, right)), explained
    )


def _spread(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Order items by round: one of each class, then a second of each, and so on."""
    seen: dict[int, int] = {}
    ranked = []
    for p in predictions:
        seen[p.true] = seen.get(p.true, 0) + 1
        ranked.append((seen[p.true], p.true, p.position, p))
    # Without the prediction itself, which has no order.
    return [p for *_, p in sorted(ranked, key=lambda entry: entry[:3])]


def _picture(folder: Path, image: ImageRecord) -> str:
    try:
        raw = thumbnail_path(folder, image.sha256).read_bytes()
    except OSError:
        # A lost thumbnail must not cost the whole report.
        return ""
    return data_url(raw)
