"""Deletion of runs, after a confirmation."""

import contextlib
from collections.abc import Sequence

import streamlit as st

from tl_core.errors import RunNotReady, UnknownRun
from tl_core.records import Run
from tl_core.runs.summary import recipe_words
from tl_core.text import number_of, shorten
from tl_ui.markdown import literal
from tl_ui.navigation import go
from tl_ui.resources import get_workspace

_SHOWN = 8


def delete_run(run_id: str) -> None:
    """Delete a run and its files, if it still exists.

    Raises:
        RunNotReady: the run is running.
    """
    workspace = get_workspace()
    # Somebody else may have deleted the run meanwhile.
    with contextlib.suppress(UnknownRun):
        workspace.store.delete_run(run_id)
    # After the store, which refuses to delete a run that is running.
    workspace.artifacts.delete_run(run_id)


@st.dialog("Delete for good?")
def ask_to_delete(runs: Sequence[Run], then: str | None = None) -> None:
    """Ask in a dialog, delete, and go to the page `then`, or stay on this one."""
    for run in runs[:_SHOWN]:
        name = literal(shorten(run.dataset_name, 40))
        st.markdown(f"- **{name}**: {literal(recipe_words(run.config))} (`{run.id}`)")
    if len(runs) > _SHOWN:
        st.markdown(f"- and {number_of(len(runs) - _SHOWN, 'more run')}")
    st.markdown(
        "Figures, curves and models will be gone from this server for everyone. The images stay."
    )
    if st.button(f"Delete {number_of(len(runs), 'run')}", type="primary", icon=":material/delete:"):
        _delete_all(runs)
        if then:
            go(then)
        # A dialog is closed by a rerun of the page.
        st.rerun()


def _delete_all(runs: Sequence[Run]) -> None:
    """Delete all runs; if one cannot be deleted, say why and end the script."""
    try:
        for run in runs:
            delete_run(run.id)
    except RunNotReady as error:
        # Ending here, without a rerun, leaves the dialog open with the reason in it.
        st.error(literal(str(error)), icon=":material/error:")
        st.stop()
