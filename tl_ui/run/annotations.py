"""Annotations of a run on its page: favourite mark, title, note and tags."""

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.records import Run
from tl_core.store import RunSummary
from tl_core.store.annotations import LONGEST_NOTE, LONGEST_TITLE, MOST_TAGS
from tl_core.text import shorten, visible
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace

_N_SAVED = "annotations-kept"
"""Session key: number of times that the form was submitted."""


def run_title(run: Run | RunSummary) -> str:
    """Return the run's own title, else its dataset's name; both are user text."""
    return run.title or run.dataset_name


def show_annotations(run: Run) -> None:
    """Draw tags and note, and the controls that change them."""
    if run.tags:
        st.markdown(" ".join(f":gray-badge[{literal(shorten(tag, 40))}]" for tag in run.tags))
    # As plain text, because a note may hold Markdown.
    if run.note:
        st.text(run.note)
    with st.container(horizontal=True, gap="small"):
        _star(run)
        _edit(run)


def _star(run: Run) -> None:
    if run.is_favourite:
        label = "★ Favourite"
        # A filled star in the label, because Streamlit's own icons are outlines.
        icon = None
    else:
        label = "Make it a favourite"
        icon = ":material/star:"
    # The key holds the state: a click on a star that somebody else has just set must not clear it.
    key = f"star-{run.id}-{run.is_favourite}"
    words = "Favourites come first in the list of runs."
    if st.button(label, icon=icon, key=key, type="tertiary", help=words):
        _annotate(run, is_favourite=not run.is_favourite)


def _edit(run: Run) -> None:
    n_saved = st.session_state.get(_N_SAVED, 0)
    submit_key = f"annotate-keep-{run.id}"
    before = _fill_in(run, refresh=not st.session_state.get(submit_key))
    # Streamlit cannot close a popover; another key makes a new one, which is closed.
    popover = st.popover(
        "Name, note and tags",
        icon=":material/edit:",
        type="tertiary",
        key=f"annotate-{run.id}-{n_saved}",
    )
    # A form, so that a note is not saved while it is being typed.
    with popover, st.form(f"annotate-form-{run.id}", border=False):
        title = st.text_input(
            "Name",
            key=_key("title", run),
            max_chars=LONGEST_TITLE,
            placeholder=visible(run.dataset_name),
        )
        tags = st.text_input("Tags", key=_key("tags", run), placeholder="first try, for the class")
        st.caption(f"Separated by commas, at most {MOST_TAGS}. They appear in the list of runs.")
        note = st.text_area(
            "Note",
            key=_key("note", run),
            max_chars=LONGEST_NOTE,
            placeholder="What was tried, and why",
        )
        if st.form_submit_button("Keep", type="primary", key=submit_key):
            typed = {"title": title, "tags": tags, "note": note}
            changed: dict[str, object] = {
                name: text for name, text in typed.items() if text != before[name]
            }
            if "tags" in changed:
                changed["tags"] = tags.split(",")
            # Before saving: `_annotate` ends in a rerun, after which nothing here is executed.
            st.session_state[_N_SAVED] = n_saved + 1
            _annotate(run, **changed)


def _fill_in(run: Run, *, refresh: bool) -> dict[str, str]:
    """Fill the fields and return their initial texts, by field.

    Only fields that the reader changes are saved, so that two people who edit the same run at once
    do not overwrite each other.

    Args:
        refresh: take over what others have saved meanwhile; False while a submitted form has not
            been read yet.
    """
    initial: dict[str, str] = st.session_state.setdefault(f"annotations-drawn-{run.id}", {})
    stored = {"title": run.title, "tags": ", ".join(run.tags), "note": run.note}
    for name, text in stored.items():
        is_new = _key(name, run) not in st.session_state
        if is_new or (refresh and initial.get(name) != text):
            initial[name] = text
            st.session_state[_key(name, run)] = text
    return initial


def _key(name: str, run: Run) -> str:
    return f"annotate-{name}-{run.id}"


def _annotate(run: Run, **changes: object) -> None:
    try:
        get_workspace().store.annotate_run(run.id, **changes)  # type: ignore[arg-type]
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    st.rerun()
