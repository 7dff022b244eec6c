"""Work in the background, on a page: the button that begins it, the way it goes, and what came of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from tl_ui.background import Job, get_jobs, read_result
from tl_ui.markdown import literal


def await_result(
    arguments: Sequence[str], place: Path, label: str, hint: str | None = None
) -> dict[str, Any] | None:
    """What a command of ours has found, once somebody has pressed the button and it is there."""
    if found := read_result(place):
        return found
    job = get_jobs().find(place)
    if job and not job.is_over:
        st.fragment(follow, run_every=1)(job)
        return None
    if job:
        st.warning(literal(job.error), icon=":material/error:")
    if st.button(label, icon=":material/play_arrow:", key=f"start-{place.stem}", help=hint):
        get_jobs().start(arguments, place)
        st.rerun()
    return None


def follow(job: Job) -> None:
    """How far it is, and the way to stop it: a fragment."""
    if job.is_over:
        st.rerun()
    st.progress(*job.progress())
    if st.button("Stop", icon=":material/stop:", key=f"stop-{job.result_file.stem}"):
        job.stop()
