"""Images of a finished run with its predictions, page by page and in a chosen order."""

import math
from collections.abc import Sequence

import streamlit as st

from tl_core.config import DataConfig
from tl_core.data.splits import make_split
from tl_core.errors import UnknownDataset
from tl_core.glossary import GLOSSARY
from tl_core.records import ImageRecord, Prediction, Run, Split
from tl_core.runs.summary import class_names
from tl_core.text import count, number_of, shorten
from tl_ui.caching import cached_by_person
from tl_ui.components.picker import picker
from tl_ui.dataset_view import dataset_images, image_url, thumbnail_url
from tl_ui.gallery import GALLERY_SIDE, GalleryItem, caption_lengths, gallery_html
from tl_ui.large_view import open_dataset_image
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.room import keep_room_for_gallery
from tl_ui.run.image_order import EXPLAINED, VIEWS, extremes, in_order
from tl_ui.run.large_view import open_image, open_image_of_address

PAGE = 24
EXTREMES = 4
"""Images per class that are shown from either end of the ranking."""
CLASSES_AT_ONCE = 6


def images_of(run: Run) -> tuple[ImageRecord, ...]:
    """Return the images of the run's dataset by position; none if the dataset was deleted."""
    try:
        # The store is asked first, because the cached images outlive a deleted dataset.
        return dataset_images(get_workspace().store.get_dataset(run.config.data.dataset_id).id)
    except UnknownDataset:
        return ()


# Cached, since every refresh of the samples needs it.
@cached_by_person(48)
def run_split(data: DataConfig) -> Split:
    """Return the split of an existing dataset, which its seed fixes."""
    return make_split(dataset_images(data.dataset_id), data)


@cached_by_person(48)
def predictions_after(
    run_id: str, split: str, epochs_done: int
) -> tuple[int, tuple[Prediction, ...]]:
    """Read (epoch, predictions) once for all readers.

    Args:
        epochs_done: part of the cache key, so that every epoch is read anew.
    """
    epoch, predictions = get_workspace().store.list_predictions(run_id, split)
    return epoch, tuple(predictions)


def gallery_item(
    run: Run,
    images: Sequence[ImageRecord],
    position: int,
    prediction: Prediction | None = None,
    *,
    pickable: bool = False,
) -> GalleryItem:
    """Return an image with its true class and, if there is one, its prediction.

    Args:
        pickable: let the `picker` component report a click on the image.
    """
    image = images[position]
    dataset_id = run.config.data.dataset_id
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


def open_position(run: Run, split: str, positions: Sequence[int], position: int) -> None:
    """Open an image with the run's answer to it, or the image alone if the run has none.

    Args:
        positions: positions of the images that can be stepped through.
    """
    images = images_of(run)
    _, predictions = predictions_after(run.id, split, run.epochs_done)
    by_position = {prediction.position: prediction for prediction in predictions}
    if all(each in by_position for each in positions):
        what = "test" if split == "test" else "validation"
        open_image(run, images, [by_position[each] for each in positions], position, what)
    elif images:
        around = [images[each] for each in positions]
        open_dataset_image(run.config.data.dataset_id, around, position)


@st.fragment
def browse_predictions(run: Run, predictions: Sequence[Prediction], what: str) -> None:
    """Draw images with their predictions in a chosen order; a click opens one with its heat-map.

    Args:
        what: kind of the images, such as "test".
    """
    key = f"{run.id}-{what}"
    n = _counts(predictions)
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
        no_mistake = f"No mistake in {number_of(len(predictions), f'{what} image')}."
        st.markdown(no_mistake if view == "wrong" else "None.")
        return
    st.caption(EXPLAINED[view])
    images = images_of(run)
    if not images:
        st.caption(
            "The dataset was deleted: its images are gone, and so are the heat-maps. "
            "The predictions remain."
        )
        _show_rows(run, in_order(predictions, view))
        return
    if view == "classes":
        _show_classes(run, predictions, what, key)
    else:
        ordered = in_order(predictions, view)
        show_predictions(run, ordered, what, f"{key}-{view}", fills_page=True)
    # Among all predictions, because an address may name an image of another view.
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
    run: Run,
    predictions: Sequence[Prediction],
    what: str,
    key: str,
    page: int = PAGE,
    *,
    fills_page: bool = False,
) -> None:
    """Draw a gallery, a page at a time, or a table if the images are gone; a click opens one.

    Args:
        page: images that are shown at first, and more at each request.
        fills_page: the gallery is as wide as the page, and gets its room before it arrives.
    """
    if not images_of(run):
        _show_rows(run, predictions)
        return
    shown = st.session_state.get(f"shown-{key}", page)
    _show_pictures(run, predictions[:shown], predictions, what, key, fills_page=fills_page)
    _offer_more(len(predictions) - shown, key, shown + page)


def _show_classes(run: Run, predictions: Sequence[Prediction], what: str, key: str) -> None:
    """Draw the extremes of a few classes at a time, in the order of the labels."""
    names = class_names(run, len(predictions[0].probabilities))
    key = f"{key}-classes"
    groups = extremes(predictions, EXTREMES)
    shown = st.session_state.get(f"shown-{key}", CLASSES_AT_ONCE)
    for label, worst, best in groups[:shown]:
        st.markdown(f"**{literal(shorten(names[label], 80))}**")
        left, right = st.columns(2, gap="medium")
        with left:
            st.caption("Lowest probability of the true class")
            _show_pictures(run, worst, worst + best, what, f"{key}-{label}-worst")
        with right:
            if best:
                st.caption("Highest probability of the true class")
                _show_pictures(run, best, worst + best, what, f"{key}-{label}-best")
    _offer_more(len(groups) - shown, key, shown + CLASSES_AT_ONCE, "classes ")


def _show_pictures(
    run: Run,
    predictions: Sequence[Prediction],
    around: Sequence[Prediction],
    what: str,
    key: str,
    *,
    fills_page: bool = False,
) -> None:
    """Draw a gallery; a click opens an image large.

    Args:
        around: predictions that can be stepped through from the large image.
        fills_page: as in `show_predictions`.
    """
    images = images_of(run)
    items = [gallery_item(run, images, p.position, p, pickable=True) for p in predictions]
    if fills_page:
        captions = [caption_lengths(item) for item in items]
        keep_room_for_gallery(f"pictures-{key}", captions, side=GALLERY_SIDE)
    position = picker(gallery_html(items), key=f"pictures-{key}")
    if position is not None:
        open_image(run, images, around, position, what)


def _offer_more(n_left: int, key: str, n_shown_next: int, of: str = "") -> None:
    if n_left > 0:
        label = f"Show more ({count(n_left)} {of}left)"
        # A callback runs before the images above are drawn, so that no second rerun is needed.
        st.button(label, key=f"more-{key}", on_click=_show_more, args=(key, n_shown_next))


def _show_more(key: str, n_shown: int) -> None:
    st.session_state[f"shown-{key}"] = n_shown


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
