"""A run's images with the model's answers: the six that are followed while it learns, and its mistakes afterwards."""

import math
from collections.abc import Sequence
from functools import lru_cache

import streamlit as st

from tl_core.config import DataConfig
from tl_core.data.splits import make_split
from tl_core.errors import UnknownDataset, UnknownRun
from tl_core.glossary import GLOSSARY
from tl_core.records import ImageRecord, Prediction, Run, Split
from tl_core.runs.summary import class_names
from tl_core.text import count, number_of, shorten
from tl_ui.components.picker import picker
from tl_ui.dataset_view import dataset_images, image_url, thumbnail_url
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.run.image_order import EXPLAINED, VIEWS, extremes, in_order
from tl_ui.run.large_view import open_image, open_image_of_address

PAGE = 24
N_SAMPLES = 6
EXTREMES = 4
"""Images of a class that are shown from either end."""
CLASSES_AT_ONCE = 6


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
def predictions_after(
    run_id: str, split: str, epochs_done: int
) -> tuple[int, tuple[Prediction, ...]]:
    """(epoch, predictions), read once for all who look; `epochs_done` tells one reading from the next."""
    epoch, predictions = get_workspace().store.list_predictions(run_id, split)
    return epoch, tuple(predictions)


def pick_samples(
    images: Sequence[ImageRecord], positions: Sequence[int], n: int = N_SAMPLES
) -> list[int]:
    """The first positions of each class in turn, so that as many classes as possible are seen."""
    by_class: dict[str, list[int]] = {}
    for position in sorted(positions):
        by_class.setdefault(images[position].class_name, []).append(position)
    rounds = range(max(map(len, by_class.values()), default=0))
    return [group[i] for i in rounds for group in by_class.values() if i < len(group)][:n]


def follow_samples(run: Run) -> None:
    """Some validation images, always the same, with what the model says to them after each epoch."""
    st.fragment(_show_samples, run_every=3)(run.id)


def _show_samples(run_id: str) -> None:
    try:
        run = get_workspace().store.get_run(run_id)
    except UnknownRun:
        return
    images = images_of(run)
    epoch, predictions = predictions_after(run.id, "val", run.epochs_done)
    answers = {p.position: p for p in predictions}
    when = f"after epoch {epoch}" if epoch else "before the first epoch"
    positions = pick_samples(images, run_split(run.config.data).val) if images else []
    what = number_of(len(positions) or N_SAMPLES, "validation image")
    st.subheader(f"{what}, {when}", help=GLOSSARY["validation"], anchor=False)
    if not images:
        st.caption("The dataset was deleted, so its images cannot be shown.")
        return
    if not epoch:
        st.caption(
            "Below each stands what it shows. Once training has begun, the model's answer after each epoch too."
        )
    items = [gallery_item(run, images, position, answers.get(position)) for position in positions]
    st.html(gallery_html(items, side=150))


def gallery_item(
    run: Run,
    images: Sequence[ImageRecord],
    position: int,
    prediction: Prediction | None = None,
    *,
    pickable: bool = False,
) -> GalleryItem:
    """An image with its class and, where there is one, the model's answer; for the `picker` if it can be picked."""
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
        pick=position if pickable else None,
    )


@st.fragment
def browse_predictions(run: Run, predictions: Sequence[Prediction], what: str) -> None:
    """Images with the answers, the most telling first; a click opens one large, with where the model looked.

    Args:
        what: the images are, such as "test".
    """
    key, n = f"{run.id}-{what}", _counts(predictions)
    view = st.segmented_control(
        "Show",
        list(VIEWS),
        default="wrong" if n["wrong"] else "right",
        required=True,
        format_func=lambda view: f"{VIEWS[view]} ({count(n[view])})",
        key=f"which-{key}",
        help=f"{GLOSSARY['confidence']} {GLOSSARY['loss']}",
    )
    if not n[view]:
        st.markdown(
            f"No mistake in {number_of(len(predictions), f'{what} image')}."
            if view == "wrong"
            else "None."
        )
        return
    st.caption(EXPLAINED[view])
    images = images_of(run)
    if not images:
        st.caption(
            "The dataset was deleted: its images are gone, and so is what the model saw in them. These are its answers."
        )
        _show_rows(run, in_order(predictions, view))
        return
    if view == "classes":
        _show_classes(run, predictions, what, key)
    else:
        show_predictions(run, in_order(predictions, view), what, f"{key}-{view}")
    open_image_of_address(run, images, in_order(predictions, "loss"), what)


def _counts(predictions: Sequence[Prediction]) -> dict[str, int]:
    n_right = sum(p.is_right for p in predictions)
    n_classes = len({p.true for p in predictions})
    return {
        "wrong": len(predictions) - n_right,
        "right": n_right,
        "loss": len(predictions),
        "classes": n_classes,
    }


def show_predictions(
    run: Run, predictions: Sequence[Prediction], what: str, key: str, page: int = PAGE
) -> None:
    """Their images, some at a time; one that is clicked opens large. Rows where the images are gone."""
    if not images_of(run):
        _show_rows(run, predictions)
        return
    shown = st.session_state.get(f"shown-{key}", page)
    _show_pictures(run, predictions[:shown], predictions, what, key)
    _offer_more(len(predictions) - shown, key, shown + page)


def _show_classes(run: Run, predictions: Sequence[Prediction], what: str, key: str) -> None:
    """A few classes at a time, the weakest first."""
    names = class_names(run, len(predictions[0].probabilities))
    key, groups = f"{key}-classes", extremes(predictions, EXTREMES)
    shown = st.session_state.get(f"shown-{key}", CLASSES_AT_ONCE)
    for label, worst, best in groups[:shown]:
        st.markdown(f"**{literal(shorten(names[label], 80))}**")
        left, right = st.columns(2, gap="medium")
        with left:
            st.caption("Least likely to the model")
            _show_pictures(run, worst, worst + best, what, f"{key}-{label}-worst")
        with right:
            if best:
                st.caption("Most likely to the model")
                _show_pictures(run, best, worst + best, what, f"{key}-{label}-best")
    _offer_more(len(groups) - shown, key, shown + CLASSES_AT_ONCE, "classes ")


def _show_pictures(
    run: Run, predictions: Sequence[Prediction], around: Sequence[Prediction], what: str, key: str
) -> None:
    """A grid; the one that is clicked opens large, among those `around` it."""
    images = images_of(run)
    items = [gallery_item(run, images, p.position, p, pickable=True) for p in predictions]
    position = picker(gallery_html(items), key=f"pictures-{key}")
    if position is not None:
        open_image(run, images, around, position, what)


def _offer_more(left: int, key: str, then: int, of: str = "") -> None:
    if left > 0:
        label = f"Show more ({count(left)} {of}left)"
        st.button(label, key=f"more-{key}", on_click=_show_more, args=(key, then))


def _show_more(key: str, shown: int) -> None:
    st.session_state[f"shown-{key}"] = shown


def _show_rows(run: Run, predictions: Sequence[Prediction]) -> None:
    names = class_names(run, len(predictions[0].probabilities))
    rows = [
        {
            "Result": "✓ right" if p.is_right else "✗ wrong",
            "True class": names[p.true],
            "Answer": names[p.predicted],
            "Confidence": 100 * p.confidence if math.isfinite(p.confidence) else None,
        }
        for p in predictions
    ]
    column = st.column_config.NumberColumn(format="%.1f %%", help=GLOSSARY["confidence"])
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="–",
        column_config={"Confidence": column},
        alt="Answers, the worst mistakes first",
    )
