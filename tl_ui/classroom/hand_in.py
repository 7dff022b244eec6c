"""Hand-in: the reports of everyone's tested runs as one zip, made in the background."""

from pathlib import Path
from typing import Any

import streamlit as st

from tl_core.runs.summary import when
from tl_core.text import number_of, size
from tl_ui.background import get_jobs, read_result
from tl_ui.components.assets import url_base
from tl_ui.job_view import follow, limit_said
from tl_ui.markdown import literal
from tl_ui.people import current_person
from tl_ui.resources import get_tokens, get_workspace

FILE = "reports.zip"
SUBJECT = "everyone"
"""Subject of the token with which the zip is fetched."""


def hand_in_folder(home: Path) -> Path:
    """Return the folder of the zip and of what is known of it."""
    return home / "hand-in"


def show_hand_in() -> None:
    """Draw the button that packs the reports, its progress, and the link to the zip."""
    st.header("Hand in", anchor=False)
    st.caption("The report of every tested run, in one zip with a folder for each person.")
    # Runs end while the page is open.
    st.fragment(_show, run_every=3)()


def _show() -> None:
    runs = get_workspace().store.summarise_runs()
    n_tested = sum(run.test_accuracy is not None for run in runs)
    if not n_tested:
        st.markdown("No run has been tested yet, so there is no report to hand in.")
        return
    folder = hand_in_folder(get_workspace().settings.home)
    place = folder / "reports.json"
    job = get_jobs().find(place)
    if job and not job.is_over:
        follow(job)
        return
    if job:
        st.warning(literal(job.error), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(f"Pack {number_of(n_tested, 'report')}", icon=":material/inventory_2:"):
            folder.mkdir(mode=0o700, exist_ok=True)
            place.unlink(missing_ok=True)
            arguments = ["hand-in", "--json", f"--to={folder / FILE}"]
            with limit_said():
                get_jobs().start(arguments, place, current_person().id)
                st.rerun()
        if made := read_result(place):
            _link(made, folder / FILE)


def _link(made: dict[str, Any], file: Path) -> None:
    if not file.is_file():
        return
    token = get_tokens().sign("reports", SUBJECT)
    packed = when(file.stat().st_mtime, st.context.timezone)
    st.link_button(
        f"Download {number_of(made['reports'], 'report')} ({size(made['bytes'])})",
        f"{url_base()}/api/hand-in?token={token}",
        icon=":material/download:",
    )
    st.caption(f"Packed {packed}.")
    for sentence in made["left_out"]:
        st.caption(literal(f"Left out: {sentence}"))
