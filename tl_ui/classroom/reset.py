"""Next class: everything of the present one is removed, after a confirmation."""

import shutil

import streamlit as st

from tl_core.access import Directory
from tl_core.errors import TransferLabError
from tl_core.records import Role
from tl_core.text import number_of
from tl_ui.classroom.hand_in import hand_in_folder
from tl_ui.deleted import confirm_buttons
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace

_WORD = "next class"
_DONE = "class-reset"
"""Session key of the sentence that says what a reset has done."""


def show_reset() -> None:
    """Draw the button that opens the confirmation, and what the last reset has done."""
    st.header("Next class", anchor=False)
    if sentence := st.session_state.pop(_DONE, ""):
        st.success(sentence, icon=":material/check:")
    st.caption(
        "Makes room for other students. Pack and download the reports of the present ones first."
    )
    if st.button("Reset for the next class…", icon=":material/restart_alt:"):
        _ask()


@st.dialog("Reset for the next class?")
def _ask() -> None:
    workspace = get_workspace()
    students = [
        person
        for person in workspace.store.list_people()
        if person.role is Role.MEMBER and person.removed_at is None
    ]
    runs = workspace.store.summarise_runs()
    ids = {person.id for person in students}
    n_runs = sum(run.owner in ids for run in runs)
    st.markdown(
        f"**Goes for good**: {number_of(len(students), 'student')} with their datasets, "
        f"{number_of(n_runs, 'run')}, presets and weights, and the zip of reports.\n\n"
        "**Stays**: you, your own datasets and runs, and what is shared with the class. The class "
        "gets a new code."
    )
    typed = st.text_input(f"Type “{_WORD}” to confirm")
    if not confirm_buttons("Reset"):
        return
    if typed.strip().casefold() != _WORD:
        st.error(f"Nothing was removed: type “{_WORD}” first.")
        return
    try:
        with st.spinner("Stopping runs and removing spaces, which takes some seconds…"):
            left = Directory(workspace).reset()
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    shutil.rmtree(hand_in_folder(workspace.settings.home), ignore_errors=True)
    said = f"{number_of(len(students), 'student')} removed. The class has a new code."
    if left:
        said += f" {number_of(left, 'space')} will be erased as soon as its run has ended."
    st.session_state[_DONE] = said
    st.rerun()
