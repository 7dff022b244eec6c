"""What people say of a run, on its page: a star, its title, a note and tags."""

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.records import Run
from tl_core.store.annotations import LONGEST_NOTE, LONGEST_TITLE, MOST_TAGS
from tl_core.text import shorten, visible
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace

_KEPT = "annotations-kept"


def run_title(run: Run) -> str:
    """What to call it: its own title, or its dataset's name. User text."""
    return run.title or run.dataset_name


def show_annotations(run: Run) -> None:
    """Tags and note as they are, and the way to change them."""
    if run.tags:
        st.markdown(" ".join(f":gray-badge[{literal(shorten(tag, 40))}]" for tag in run.tags))
    if run.note:
        st.text(run.note)
    with st.container(horizontal=True, gap="small"):
        _star(run)
        _edit(run)


def _star(run: Run) -> None:
    label, icon = "Make it a favourite", ":material/star:"
    if run.is_favourite:
        label, icon = "★ Favourite", None  # filled, which Streamlit's own icons are not
    words = "Favourites stand first among the runs."
    # Another button for each state: who clicks a star that somebody else has just set does not take it away.
    key = f"star-{run.id}-{run.is_favourite}"
    if st.button(label, icon=icon, key=key, type="tertiary", help=words):
        _annotate(run, is_favourite=not run.is_favourite)


def _edit(run: Run) -> None:
    n_kept = st.session_state.get(_KEPT, 0)  # a popover of another key is another one, and closed
    keep = f"annotate-keep-{run.id}"
    before = _fill_in(run, anew=not st.session_state.get(keep))
    with (
        st.popover(
            "Name, note and tags",
            icon=":material/edit:",
            type="tertiary",
            key=f"annotate-{run.id}-{n_kept}",
        ),
        st.form(f"annotate-form-{run.id}", border=False),  # so that half a note is not kept
    ):
        title = st.text_input(
            "Name",
            key=_key("title", run),
            max_chars=LONGEST_TITLE,
            placeholder=visible(run.dataset_name),
        )
        tags = st.text_input("Tags", key=_key("tags", run), placeholder="first try, for the class")
        st.caption(f"Separated by commas, at most {MOST_TAGS}. They stand in the list of runs.")
        note = st.text_area(
            "Note",
            key=_key("note", run),
            max_chars=LONGEST_NOTE,
            placeholder="What was tried, and why",
        )
        if st.form_submit_button("Keep", type="primary", key=keep):
            typed = {"title": title, "tags": tags, "note": note}
            changed: dict[str, object] = {
                name: text for name, text in typed.items() if text != before[name]
            }
            if "tags" in changed:
                changed["tags"] = tags.split(",")
            st.session_state[_KEPT] = n_kept + 1
            _annotate(run, **changed)


def _fill_in(run: Run, *, anew: bool) -> dict[str, str]:
    """What the fields were given, by field; only what is changed in them is kept.

    Two may write at once: each keeps what he changed, and is shown what the other has.

    Args:
        anew: give each field what is said of the run now, where that has changed since; not before the form that has
            just come in was read.
    """
    drawn: dict[str, str] = st.session_state.setdefault(f"annotations-drawn-{run.id}", {})
    for name, text in {"title": run.title, "tags": ", ".join(run.tags), "note": run.note}.items():
        if _key(name, run) not in st.session_state or (anew and drawn.get(name) != text):
            st.session_state[_key(name, run)] = drawn[name] = text
    return drawn


def _key(name: str, run: Run) -> str:
    return f"annotate-{name}-{run.id}"


def _annotate(run: Run, **changes: object) -> None:
    try:
        get_workspace().store.annotate_run(run.id, **changes)  # type: ignore[arg-type]
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    st.rerun()
