"""A run's images with the model's answers: the six that are followed while it learns, and its mistakes afterwards."""

from collections.abc import Sequence
from functools import lru_cache

import streamlit as st

from tl_core.config import DataConfig
from tl_core.data.splits import make_split
from tl_core.errors import UnknownDataset, UnknownRun
from tl_core.records import ImageRecord, Prediction, Run, Split
from tl_core.run_words import class_names
from tl_core.text import GLOSSARY, count, number_of
from tl_ui.dataset_view import dataset_images, image_url, thumbnail_url
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.resources import get_workspace

PAGE = 24
N_SAMPLES = 6
_WHICH = {"wrong": "Wrong", "right": "Right", "all": "All"}
_ORDER = {
    "wrong": "The mistakes it was surest of come first.",
    "right": "Those it was least sure of come first.",
    "all": "Mistakes come first, the surest at the top; then right answers, the least sure first.",
}


def images_of(run: Run) -> tuple[ImageRecord, ...]:
    """Of the run's dataset, by position; none when it has been deleted."""
    try:
        return dataset_images(get_workspace().store.get_dataset(run.config.data.dataset_id).id)
    except UnknownDataset:
        return ()


@lru_cache(maxsize=16)
def run_split(data: DataConfig) -> Split:
    """Of a dataset that is there; with its seed it is always the same."""
    return make_split(dataset_images(data.dataset_id), data)


@lru_cache(maxsize=16)
def predictions_after(run_id: str, split: str, epochs_done: int) -> tuple[int, tuple[Prediction, ...]]:
    """(epoch, predictions), read once for all who look; `epochs_done` tells one reading from the next."""
    epoch, predictions = get_workspace().store.list_predictions(run_id, split)
    return epoch, tuple(predictions)


def pick_samples(images: Sequence[ImageRecord], positions: Sequence[int], n: int = N_SAMPLES) -> list[int]:
    """The first positions of each class in turn, so that as many classes as possible are seen."""
    by_class: dict[str, list[int]] = {}
    for position in sorted(positions):
        by_class.setdefault(images[position].class_name, []).append(position)
    rounds = range(max(map(len, by_class.values()), default=0))
    return [group[i] for i in rounds for group in by_class.values() if i < len(group)][:n]


def follow_samples(run: Run) -> None:
    """Six validation images, always the same, with what the model says to them after each epoch."""
    st.fragment(_show_samples, run_every=2)(run.id)


def _show_samples(run_id: str) -> None:
    try:
        run = get_workspace().store.get_run(run_id)
    except UnknownRun:
        return
    images = images_of(run)
    epoch, predictions = predictions_after(run.id, "val", run.epochs_done)
    answers = {p.position: p for p in predictions}
    when = f"after epoch {epoch}" if epoch else "before the first epoch"
    st.subheader(f"Six validation images, {when}", help=GLOSSARY["validation"], anchor=False)
    if not images:
        st.caption("The dataset was deleted, so its images cannot be shown.")
        return
    positions = pick_samples(images, run_split(run.config.data).val)
    items = [gallery_item(run, images, position, answers.get(position)) for position in positions]
    st.html(gallery_html(items, side=150))


def gallery_item(
    run: Run, images: Sequence[ImageRecord], position: int, prediction: Prediction | None = None
) -> GalleryItem:
    """An image with its class and, where there is one, the model's answer."""
    image, dataset_id = images[position], run.config.data.dataset_id
    answer = None
    if prediction:
        answer = class_names(run, len(prediction.probabilities))[prediction.predicted]
    return GalleryItem(
        src=thumbnail_url(dataset_id, image.sha256),
        href=image_url(dataset_id, image.sha256),
        name=image.name,
        true=image.class_name,
        predicted=answer,
        confidence=prediction.confidence if prediction else None,
    )


def in_order(predictions: Sequence[Prediction], which: str) -> list[Prediction]:
    """The worst first: mistakes by falling confidence, right answers by rising."""
    wrong = sorted((p for p in predictions if not p.is_right), key=lambda p: -p.confidence)
    right = sorted((p for p in predictions if p.is_right), key=lambda p: p.confidence)
    return {"wrong": wrong, "right": right, "all": wrong + right}[which]


@st.fragment
def browse_predictions(run: Run, predictions: Sequence[Prediction], what: str) -> None:
    """Images with the answers, filtered by right and wrong.

    Args:
        what: the images are, such as "test".
    """
    n_right = sum(p.is_right for p in predictions)
    n = {"wrong": len(predictions) - n_right, "right": n_right, "all": len(predictions)}
    which = st.segmented_control(
        "Show",
        list(_WHICH),
        default="wrong" if n["wrong"] else "right",
        required=True,
        format_func=lambda key: f"{_WHICH[key]} ({count(n[key])})",
        key=f"which-{run.id}-{what}",
        help=f"{GLOSSARY['confidence']}",
    )
    chosen = in_order(predictions, which)
    if not chosen:
        st.markdown(f"No mistake in {number_of(len(predictions), f'{what} image')}." if which == "wrong" else "None.")
        return
    st.caption(_ORDER[which])
    show_predictions(run, chosen, f"{run.id}-{what}-{which}")


def show_predictions(run: Run, predictions: Sequence[Prediction], key: str, page: int = PAGE) -> None:
    """Their images, a page at a time, or rows where the images are gone."""
    images, shown = images_of(run), st.session_state.get(f"shown-{key}", page)
    if images:
        st.html(gallery_html([gallery_item(run, images, p.position, p) for p in predictions[:shown]]))
    else:
        st.caption("The dataset was deleted, so its images cannot be shown. These are the answers to them.")
        _show_rows(run, predictions[:shown])
    left = len(predictions) - shown
    if left > 0:
        st.button(f"Show more ({count(left)} left)", key=f"more-{key}", on_click=_show_more, args=(key, shown + page))


def _show_more(key: str, shown: int) -> None:
    st.session_state[f"shown-{key}"] = shown


def _show_rows(run: Run, predictions: Sequence[Prediction]) -> None:
    names = class_names(run, len(predictions[0].probabilities))
    rows = [
        {
            "": "✓ right" if p.is_right else "✗ wrong",
            "True class": names[p.true],
            "Answer": names[p.predicted],
            "Confidence": 100 * p.confidence,
        }
        for p in predictions
    ]
    column = st.column_config.NumberColumn(format="%.1f %%", help=GLOSSARY["confidence"])
    st.dataframe(rows, hide_index=True, column_config={"Confidence": column}, alt="Answers, the worst mistakes first")
