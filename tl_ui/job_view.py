"""Background job on a page: start button, progress and result."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from tl_core.errors import LimitReached
from tl_ui.background import Job, get_jobs, read_result
from tl_ui.choice import draw_again
from tl_ui.markdown import literal
from tl_ui.people import current_person


def await_result(
    arguments: Sequence[str],
    place: Path,
    label: str,
    hint: str | None = None,
    *,
    at_once: bool = False,
) -> dict[str, Any] | None:
    """Return the cached result of a command, or show its progress or the button that starts it.

    Args:
        label: of the button; also that of another attempt after a failure.
        at_once: starts the command by itself the first time.
    """
    if result := read_result(place):
        return result
    job = get_jobs().find(place)
    if job is None and at_once:
        with limit_said():
            job = get_jobs().start(arguments, place, current_person().id)
    if job and not job.is_over:
        # In a fragment, so that only the progress is drawn again every second.
        st.fragment(follow, run_every=1)(job)
        return None
    if job:
        st.warning(literal(job.error), icon=":material/error:")
    if st.button(label, icon=":material/play_arrow:", key=f"start-{place.stem}", help=hint):
        with limit_said():
            get_jobs().start(arguments, place, current_person().id)
            st.rerun()
    return None


@contextmanager
def limit_said() -> Iterator[None]:
    """Say on the page that a job of the block could not start, since the person has too many."""
    try:
        yield
    except LimitReached as error:
        st.warning(literal(str(error)), icon=":material/hourglass_top:")


def follow(job: Job) -> None:
    """Show the progress and, to who asked for it, a stop button; made for a fragment."""
    # Reruns the whole page, which shows the result and no longer this fragment.
    if job.is_over:
        draw_again()
    st.progress(*job.progress())
    if may_stop(job) and st.button(
        "Stop", icon=":material/stop:", key=f"stop-{job.result_file.stem}"
    ):
        job.stop()


def may_stop(job: Job) -> bool:
    """Tell if the current person asked for the job, or leads those who did.

    On what is shared with a class everyone waits for the same job.
    """
    person = current_person()
    return person.leads or person.id == job.person_id
