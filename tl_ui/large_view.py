"""Large view of one image among others: a dialog with buttons and arrow keys to its neighbours."""

from collections.abc import Callable, Sequence

import streamlit as st

from tl_core.records import ImageRecord
from tl_core.text import count, isolated, shorten
from tl_ui.components.heat_view import heat_view
from tl_ui.dataset_view import image_url
from tl_ui.markdown import literal

_PLACE = "large-view-place"
"""Session key: index of the shown image among those that can be stepped through."""


def open_large(
    title: str,
    n: int,
    place: int,
    show: Callable[[int], None],
    *,
    on_close: Callable[[], None] | None = None,
) -> None:
    """Open one of `n` images in a dialog.

    Args:
        title: heading of the dialog, for Markdown.
        place: index of the image that is shown first.
        show: draws the image of an index.
        on_close: called when the reader closes the dialog by ×, by Esc or by a click beside it.
    """
    # Kept in the session, because the dialog's buttons rerun only the dialog.
    st.session_state[_PLACE] = place
    # Not a decorator, since the title depends on the kind of images.
    st.dialog(title, width="large", on_dismiss=on_close or "ignore")(_show)(n, show)


def open_dataset_image(
    dataset_id: str,
    images: Sequence[ImageRecord],
    position: int | None,
    *,
    on_close: Callable[[], None] | None = None,
) -> None:
    """Open an image of a dataset, about which no model has been asked.

    Args:
        images: images that can be stepped through.
        position: position of the image in the dataset; nothing opens if it is not among them.
        on_close: as in `open_large`.
    """
    place = next((i for i, image in enumerate(images) if image.position == position), None)
    if place is None:
        return

    def show(i: int) -> None:
        _show_image(dataset_id, images[i])

    open_large("One image", len(images), place, show, on_close=on_close)


def _show(n: int, show: Callable[[int], None]) -> None:
    show(_step(n))


def _step(n: int) -> int:
    """Draw the buttons for the previous and the next image and return the shown index, modulo n."""
    is_alone = n == 1
    with st.container(horizontal=True, vertical_alignment="center"):
        # The buttons show their keys as arrows.
        back = st.button("Previous", key="large-view-back", disabled=is_alone, shortcut="Left")
        forward = st.button("Next", key="large-view-on", disabled=is_alone, shortcut="Right")
        place = (st.session_state.get(_PLACE, 0) + forward - back) % n
        st.markdown(f"{count(place + 1)} of {count(n)}")
    st.session_state[_PLACE] = place
    return int(place)


def _show_image(dataset_id: str, image: ImageRecord) -> None:
    st.markdown(f"### {literal(shorten(image.class_name, 80))}")
    show_photo(dataset_id, image)
    st.caption(f"{literal(shorten(image.name, 120))}, {image.width} × {image.height} pixels.")


def show_photo(dataset_id: str, image: ImageRecord, heats: Sequence[tuple[str, str]] = ()) -> None:
    """Draw an image of a dataset and its heat-maps side by side.

    Args:
        heats: address and caption of each heat-map. Captions are user text, not escaped.
    """
    heat_view(
        key="large-view-heat",
        photo=image_url(dataset_id, image.sha256),
        heats=heats,
        size=(image.width, image.height),
        alt=f"Image of {isolated(image.class_name)}",
    )
