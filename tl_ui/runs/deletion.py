"""Deletion of runs, after a confirmation; it can be undone for a week."""

import contextlib
from collections.abc import Sequence

import streamlit as st

from tl_core.bin import DAYS_KEPT
from tl_core.errors import RunNotReady, UnknownRun
from tl_core.records import Run
from tl_core.runs.summary import recipe_words
from tl_core.text import number_of, shorten
from tl_ui.deleted import confirm_buttons, note_deletion
from tl_ui.markdown import literal
from tl_ui.navigation import go
from tl_ui.people import for_everyone
from tl_ui.resources import get_workspace

_SHOWN = 8


def ask_to_delete(runs: Sequence[Run], then: str | None = None) -> None:
    """Ask in a dialog, delete, and go to the page `then`, or stay on this one."""
    st.dialog(f"Delete {number_of(len(runs), 'run')}?")(_ask)(runs, then)


def _ask(runs: Sequence[Run], then: str | None) -> None:
    for run in runs[:_SHOWN]:
        name = literal(shorten(run.title or run.dataset_name, 40))
        st.markdown(f"- **{name}**: {literal(recipe_words(run.config))} (`{run.id}`)")
    if len(runs) > _SHOWN:
        st.markdown(f"- and {number_of(len(runs) - _SHOWN, 'more run')}")
    st.markdown(
        "Figures, curves and models move to the "
        f"bin{for_everyone()}, and can be restored for {DAYS_KEPT} days. The images stay."
    )
    if confirm_buttons(f"Delete {number_of(len(runs), 'run')}"):
        _delete_all(runs)
        if then:
            go(then)
        st.rerun()


def _delete_all(runs: Sequence[Run]) -> None:
    """Delete all runs; if one cannot be deleted, say why and end the script."""
    deleted = []
    try:
        for run in runs:
            # Somebody else may have deleted the run meanwhile.
            with contextlib.suppress(UnknownRun):
                get_workspace().store.bin_run(run.id)
                deleted.append(run.id)
    except RunNotReady as error:
        # Ending here, without a rerun, leaves the dialog open with the reason in it.
        st.error(literal(str(error)), icon=":material/error:")
        st.stop()
    finally:
        if deleted:
            note_deletion(deleted, f"**{number_of(len(deleted), 'run')}**")
