"""Publishing of a run on the wall, with its sample images if its owner agrees."""

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.records import OPERATOR, Run
from tl_ui.classroom.words import everyone_words, wall_title
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.people import current_person
from tl_ui.resources import get_workspace


def show_publishing(run: Run) -> None:
    """Draw the publishing of a tested run to its owner; nothing where nobody else is."""
    person = current_person()
    if person is OPERATOR or run.owner != person.id or not run.result:
        return
    with st.popover(
        "Published" if run.published_at else "Publish…", icon=":material/campaign:", type="tertiary"
    ):
        if run.published_at:
            _show_published(run)
        else:
            _offer(run)


def _offer(run: Run) -> None:
    st.markdown(
        f"Shows this run to {everyone_words()}: its title, figures, learning curves, confusion "
        "matrix and settings, under your name. Your note, your model and your dataset stay yours "
        "alone."
    )
    shows_images = st.checkbox(
        "Show some of its test images, too",
        key=f"shows-images-{run.id}",
        help="Up to 12 of them, without their file names. Leave it empty if people can be seen on "
        "them who were not asked.",
    )
    if st.button("Publish", type="primary", key=f"publish-{run.id}"):
        try:
            get_workspace().store.publish_run(run.id, shows_images=shows_images)
        except TransferLabError as error:
            st.error(literal(str(error)), icon=":material/error:")
            return
        st.rerun()


def _show_published(run: Run) -> None:
    images = "with some of its images" if run.shows_images else "without images"
    st.markdown(f"{everyone_words().capitalize()} can see this run, {images}.")
    link("wall", f"Open the {wall_title().lower()}", icon=":material/dashboard:")
    if st.button("Take it down", icon=":material/visibility_off:", key=f"withdraw-{run.id}"):
        get_workspace().store.withdraw_run(run.id)
        st.rerun()
