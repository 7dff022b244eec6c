"""Pictures of a dataset: a row a class, or many of one class."""

import streamlit as st

from tl_core.records import DatasetRecord, ImageRecord
from tl_core.text import count, isolated, number_of
from tl_ui.components.picker import picker
from tl_ui.dataset_view import dataset_images, thumbnail_url
from tl_ui.gallery import PER_ROW, ClassRow, GalleryItem, class_rows_html, gallery_html, spread
from tl_ui.large_view import open_dataset_image

_ROWS = 8
"""Classes that are shown at first."""
_PAGE = 24
"""Images of one class that are shown at first."""
_ALL = "All classes"


def choose_class(dataset: DatasetRecord) -> str | None:
    """Show a drop-down of the classes; return the chosen one, or None for all."""
    chosen = st.selectbox(
        "Class", [_ALL, *dataset.classes], format_func=isolated, key=f"class-{dataset.id}"
    )
    # By place, since a class may bear the name of the first choice.
    return None if chosen == _ALL else chosen


def show_pictures(dataset: DatasetRecord, class_name: str | None) -> None:
    """Show a row of thumbnails for each class, or a grid of one class, a page at a time."""
    if class_name is None:
        _show_rows(dataset)
    else:
        _show_class(dataset, class_name)


def _show_rows(dataset: DatasetRecord) -> None:
    by_class: dict[str, list[ImageRecord]] = {name: [] for name in dataset.classes}
    for image in dataset_images(dataset.id):
        by_class[image.class_name].append(image)
    shown_key = f"rows-{dataset.id}"
    shown = st.session_state.get(shown_key, _ROWS)
    rows = [
        ClassRow(name, [_item(dataset, image) for image in spread(by_class[name], PER_ROW)])
        for name in dataset.classes[:shown]
    ]
    # Not `st.image`, which loads all pictures at once and serves them without a token.
    picked = picker(class_rows_html(rows), key=f"pictures-{dataset.id}")
    if picked is not None and 0 <= picked < dataset.n:
        # Its neighbours are those of its class, of which the row shows only some.
        name = dataset_images(dataset.id)[picked].class_name
        open_dataset_image(dataset.id, by_class[name], picked)
    left = len(dataset.classes) - shown
    if left > 0 and st.button(
        f"Show {number_of(left, 'more class', 'more classes')}", key="all-rows"
    ):
        st.session_state[shown_key] = len(dataset.classes)
        st.rerun()


def _show_class(dataset: DatasetRecord, class_name: str) -> None:
    images = [image for image in dataset_images(dataset.id) if image.class_name == class_name]
    # Counted by class, so that each class begins with one page of images.
    shown_key = f"shown-{dataset.id}-{class_name}"
    shown = st.session_state.get(shown_key, _PAGE)
    items = [_item(dataset, image) for image in images[:shown]]
    picked = picker(gallery_html(items), key=f"pictures-{dataset.id}-{class_name}")
    open_dataset_image(dataset.id, images, picked)
    more = f"Show more ({count(len(images) - shown)} left)"
    if len(images) > shown and st.button(more, key=f"more-{shown_key}"):
        st.session_state[shown_key] = shown + 2 * _PAGE
        st.rerun()


def _item(dataset: DatasetRecord, image: ImageRecord) -> GalleryItem:
    return GalleryItem(
        thumbnail_url(dataset.id, image.sha256),
        image.class_name,
        name=image.name,
        pick=image.position,
    )
