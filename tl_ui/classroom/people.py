"""People of a class: who is here and what each trains, with the ways to help or remove them."""

import time
from collections.abc import Sequence

import streamlit as st

from tl_core.access import Directory
from tl_core.records import Person, Role, RunState
from tl_core.store.queries import RunSummary
from tl_core.text import about, number_of, percent, shorten
from tl_ui.classroom.actions import said
from tl_ui.classroom.words import is_class, member_word
from tl_ui.deleted import confirm_buttons
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.people import role_word
from tl_ui.presence import is_here, left_at
from tl_ui.resources import get_workspace

_UNDER_WAY = (RunState.RUNNING, RunState.QUEUED, RunState.PAUSED)


def show_people() -> None:
    """Draw the list of people; a fragment, which is drawn again every few seconds."""
    st.header("People", anchor=False)
    st.fragment(_list, run_every=5)()


def _list() -> None:
    workspace = get_workspace()
    everyone = [p for p in workspace.store.list_people() if p.removed_at is None]
    members = [person for person in everyone if person.id != workspace.person.id]
    if not members:
        st.markdown(f"No {member_word()} has joined yet.")
        return
    here = sum(is_here(person.id) for person in members)
    st.markdown(f"{number_of(len(members), 'person', 'people')}, {here} here now.")
    runs = workspace.store.summarise_runs()
    for person in members:
        _show_person(person, [run for run in runs if run.owner == person.id])


def _show_person(person: Person, runs: Sequence[RunSummary]) -> None:
    row = st.container(
        key=f"row-{person.id}", border=True, horizontal=True, vertical_alignment="center"
    )
    with row:
        dot = ":green[●]" if is_here(person.id) else ":gray[○]"
        name = literal(shorten(person.name, 60))
        role = "" if person.role is Role.MEMBER else f" · {role_word(person)}"
        st.markdown(f"{dot} **{name}**{role}  \n{_seen_words(person)}", width=220)
        st.markdown(_run_words(runs), width="stretch")
        if runs:
            link("runs", "Runs", of=person.id)
        under_way = [run for run in runs if run.state in (RunState.RUNNING, RunState.QUEUED)]
        if under_way:
            st.button(
                "Pause",
                icon=":material/pause:",
                key=f"pause-{person.id}",
                on_click=_pause,
                args=([run.id for run in under_way],),
                help="Pauses what this person has running and waiting.",
            )
        if get_workspace().person.administers and person.role is Role.MEMBER:
            _show_menu(person)


def _seen_words(person: Person) -> str:
    if is_here(person.id):
        return "here now"
    at = left_at(person.id)
    if at is None:
        return "not here so far"
    return f"last here {about(time.time() - at).removeprefix('about ')} ago"


def _run_words(runs: Sequence[RunSummary]) -> str:
    if not runs:
        return "No run yet."
    words = [number_of(len(runs), "run")]
    for state, word in ((RunState.RUNNING, "running"), (RunState.QUEUED, "waiting")):
        if n := sum(run.state is state for run in runs):
            words.append(f"{n} {word}")
    newest = next((run for run in runs if run.state in _UNDER_WAY), runs[0])
    words.append(literal(shorten(newest.title or newest.dataset_name, 40)))
    tested = [run.test_accuracy for run in runs if run.test_accuracy is not None]
    if tested:
        words.append(f"latest test accuracy {percent(tested[0])}")
    return " · ".join(words)


def _show_menu(person: Person) -> None:
    with st.popover("More", icon=":material/more_horiz:", type="tertiary"):
        # The provider of an organisation knows its members; here nobody has a word.
        if is_class() and st.button(
            "Give a new word",
            icon=":material/key:",
            key=f"word-{person.id}",
            help="For somebody who has lost the word with which they come back.",
        ):
            _show_word(person)
        if st.button("Remove…", icon=":material/person_remove:", key=f"remove-{person.id}"):
            _ask_to_remove(person)


@st.dialog("New word")
def _show_word(person: Person) -> None:
    word = Directory(get_workspace()).renew_word(person.id)
    st.markdown(f"With this word **{literal(person.name)}** comes back, on any device:")
    st.code(word, language=None)
    st.caption("It is shown this once. The former word no longer counts.")


@st.dialog("Remove this person?")
def _ask_to_remove(person: Person) -> None:
    st.markdown(
        f"**{literal(person.name)}** is signed out at once and not let in again under this name. "
        "Their runs stop, and what they published disappears from the wall. Their datasets and "
        "runs stay here for you until the next class."
    )
    if confirm_buttons("Remove"):
        said(Directory(get_workspace()).remove)(person.id)
        st.rerun()


def _pause(run_ids: Sequence[str]) -> None:
    for run_id in run_ids:
        get_workspace().store.request_pause(run_id)
