"""Progress of a run that is queued or under way, with ways to pause and stop it."""

import time

import streamlit as st

from tl_core.access import why_no_time
from tl_core.errors import UnknownRun
from tl_core.events import STAGES
from tl_core.records import Progress, Run, RunState
from tl_core.runs.cautions import data_warnings
from tl_core.runs.endings import pause_promise, stop_promise
from tl_core.runs.summary import STAGE_SENTENCES, queue_words
from tl_core.text import about, html_text
from tl_core.training.progress import learns_head_alone
from tl_ui.choice import draw_again
from tl_ui.forecast import say_queued, turns_words
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.queue import move
from tl_ui.resources import get_workspace

# `st.html` does not see the theme's variables, but inherits the page's text colour.
_STEPS_STYLE = """<style>
.tl-steps.tl-steps { list-style: none; display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0;
  padding: 0; }
.tl-steps.tl-steps li { flex: 1 1 9rem; margin: 0; padding: 0.4rem 0.1rem 0; font-size: 0.95rem;
  border-top: 4px solid color-mix(in srgb, currentColor 20%, transparent); }
.tl-steps.tl-steps .tl-done { border-top-color: #009e73; }
.tl-steps.tl-steps .tl-now { border-top-color: currentColor; font-weight: 600; }
</style>"""
_FAR = 60
"""Seconds left above which the page is refreshed less often.

Every refresh costs the run some of its speed, and thirty people may be watching.
"""
_NEAR = 30
"""Seconds left below which it is refreshed more often again; in between nothing changes."""


_ASKED_SECONDS = 0.4
"""Time between two refreshes of the page while a run is asked to pause or to stop."""
_MOST_ESTIMATE_AGE = 10
"""Seconds after which an estimate of the time left is no longer shown."""


def is_training(run: Run) -> bool:
    """Return True once there are curves to draw, from the third stage on."""
    return run.epochs_done > 0 or (run.progress is not None and run.progress.stage in STAGES[2:])


def phase_of(run: Run) -> tuple[RunState, bool]:
    """Return what decides which sections the page has."""
    return run.state, is_training(run)


def watch(run: Run) -> None:
    """Draw the progress every one or two seconds, until the page needs other sections.

    Once the run is asked to pause or to stop, it is drawn more often, so that the end is seen.
    """
    far = is_far(run)
    is_asked = _is_asked(run)
    usual = 2.0 if far else 1.0
    st.fragment(_watch, run_every=_ASKED_SECONDS if is_asked else usual)(
        run.id, phase_of(run), far, is_asked
    )


def _is_asked(run: Run) -> bool:
    return get_workspace().store.asked_of(run.id) is not None


def _watch(run_id: str, phase: tuple[RunState, bool], far: bool, was_asked: bool) -> None:
    try:
        run = get_workspace().store.get_run(run_id)
    # Somebody has deleted it: the page then says that there is no such run.
    except UnknownRun:
        draw_again()
    # The interval of a fragment is fixed: another one needs a rerun of the page, too.
    if phase_of(run) != phase or is_far(run, far) != far or _is_asked(run) != was_asked:
        draw_again()
    if run.state is RunState.QUEUED:
        _show_queue(run)
    else:
        _show_progress(run)
        _show_ways_out(run)
        # Below the buttons: notes come while the run is under way, and would push those aside.
        show_notes(run)


def is_far(run: Run, before: bool = False) -> bool:
    """Return True if the end is far away, with hysteresis.

    Args:
        before: the last result, which is kept while the time left is unknown or in between.
    """
    # Thirty people may be waiting at the same time.
    if run.state is RunState.QUEUED:
        return True
    left = run.progress.seconds_left if run.progress else None
    if left is None:
        return before
    return left > (_NEAR if before else _FAR)


def _show_queue(run: Run) -> None:
    line, sentence = say_queued(run)
    st.subheader(queue_words(line.n_ahead, line.is_held, line.rests))
    if sentence:
        st.markdown(sentence)
    workspace = get_workspace()
    if line.rests and run.owner == workspace.person.id:
        st.markdown(literal(why_no_time(workspace)))
    # One that somebody else keeps to themselves cannot be looked at.
    running = next(iter(get_workspace().store.list_running_runs()), None)
    if running:
        left = running.progress.seconds_left if running.progress else None
        if left is not None:
            st.markdown(f"The one that is running has {about(left)} left.")
        link("run", "See the one that is running", icon=":material/arrow_forward:", run=running.id)
    if turns := turns_words(line):
        st.caption(turns)
    st.caption(
        "The run starts by itself. You can close this page; its address opens the run again."
    )
    # Callbacks, so that the page that is drawn next knows of the request already.
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Take it out of the queue",
            icon=":material/close:",
            key=f"leave-{run.id}",
            on_click=get_workspace().store.request_cancel,
            args=(run.id,),
        )
        if get_workspace().person.leads:
            _show_moves(run)


def _show_moves(run: Run) -> None:
    """Draw the buttons that change the run's place in the queue."""
    st.button(
        "Move it to the front",
        icon=":material/vertical_align_top:",
        key=f"front-{run.id}",
        on_click=move,
        args=(run.id, "front"),
    )
    st.button(
        "Let others go first",
        icon=":material/low_priority:",
        key=f"later-{run.id}",
        on_click=move,
        args=(run.id, "later"),
        help="It goes behind the other waiting runs of the same person; if there are none, "
        "everyone else has a turn before it.",
    )


def show_notes(run: Run) -> None:
    """Draw events of the run that a reader of its figures should know."""
    for note in run.facts.notes:
        st.info(literal(note), icon=":material/info:")
    # In one box, since each in its own would push the figures off the screen.
    if warnings := data_warnings(get_workspace().store, run):
        sentences = "\n\n".join(literal(warning) for warning in warnings)
        st.warning(sentences, icon=":material/warning:")


def _show_progress(run: Run) -> None:
    progress = run.progress or Progress(STAGES[0], 0.0)
    st.html(steps_html(progress.stage))
    st.progress(
        # `st.progress` raises an error for a share beyond 0 to 1.
        min(1.0, max(0.0, progress.fraction)),
        text=progress_words(progress, _steady_seconds_left(run)),
    )
    st.caption(f"{STAGE_SENTENCES.get(progress.stage, '')} {what_follows(run)}")


def what_follows(run: Run) -> str:
    """Return what comes after the preparation of features if only a head learns, else nothing.

    Preparing the features is then most of the work, while there is nothing to see yet.
    """
    stage = run.progress.stage if run.progress else STAGES[0]
    if stage not in STAGES[:2] or not learns_head_alone(run.facts.plan):
        return ""
    return "This is most of the work: the training after it, with its curves, takes moments."


def steps_html(stage: str) -> str:
    """Return the four stages as a list, each done, current or to come."""
    now = STAGES.index(stage) if stage in STAGES else 0
    items = []
    for place, name in enumerate(STAGES):
        mark = kind = current = ""
        if place < now:
            mark = "✓ "
            kind = "tl-done"
        elif place == now:
            kind = "tl-now"
            current = ' aria-current="step"'
        items.append(
            f'<li class="{kind}"{current}>{mark}{place + 1}. {html_text(name.capitalize())}</li>'
        )
    return f'{_STEPS_STYLE}<ol class="tl-steps" aria-label="Steps of the run">{"".join(items)}</ol>'


def progress_words(progress: Progress, seconds_left: float | None) -> str:
    """Return a line such as `Epoch 2 of 5, step 10 of 24; about 2 minutes left`."""
    words = progress.detail[:1].upper() + progress.detail[1:] or progress.stage.capitalize() + "…"
    return words if seconds_left is None else f"{words}; {about(seconds_left)} left"


def _steady_seconds_left(run: Run) -> float | None:
    """Return the seconds left; extrapolate the last estimate while there is no newer one.

    Between two epochs, for instance, there is none for a moment.
    """
    # In the session, because a fragment keeps nothing from one refresh to the next.
    key = f"left-{run.id}"
    now = time.monotonic()
    if run.progress and run.progress.seconds_left is not None:
        st.session_state[key] = (now, run.progress.seconds_left)
        return run.progress.seconds_left
    estimated_at, left = st.session_state.get(key, (now, None))
    age = now - estimated_at
    if left is None or age > _MOST_ESTIMATE_AGE:
        return None
    return float(max(0.0, left - age))


def _show_ways_out(run: Run) -> None:
    store = get_workspace().store
    # The run reacts a moment after a click; until then the buttons show the request.
    asked = store.asked_of(run.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Pausing…" if asked == "pause" else "Pause",
            icon=":material/pause_circle:",
            disabled=asked is not None,
            key=f"pause-{run.id}",
            on_click=store.request_pause,
            args=(run.id,),
        )
        st.button(
            "Stopping…" if asked == "cancel" else "Stop",
            icon=":material/stop_circle:",
            # A run that was asked to pause can still be stopped, which has the last word.
            disabled=asked == "cancel",
            key=f"stop-{run.id}",
            on_click=store.request_cancel,
            args=(run.id,),
        )
    st.caption(
        f"{pause_promise(run)} {stop_promise(run)} "
        "You can close this page: the run goes on, and its address opens it again."
    )
