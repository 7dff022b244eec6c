"""Next steps for a run that has ended: resume, continue, train again, try, report, publish."""

import streamlit as st

from tl_core.errors import TransferLabError, UnknownDataset
from tl_core.records import Run, RunState
from tl_core.runs.endings import can_resume, resume_promise
from tl_core.text import number_of
from tl_ui.components.assets import url_base
from tl_ui.markdown import literal
from tl_ui.navigation import go, link
from tl_ui.resources import get_runner, get_tokens, get_workspace
from tl_ui.run.overview import has_model
from tl_ui.run.publishing import show_publishing
from tl_ui.run.results import results_or_none, why_no_figures

# The bound of `TrainConfig.epochs`.
_MOST_EPOCHS = 1000


def show_next_steps(run: Run) -> None:
    """Draw the most likely next step as the only filled button, and the others beside it."""
    is_complete = run.state is RunState.COMPLETED
    has_images = _has_dataset(run)
    resumable = has_images and can_resume(get_workspace(), run)
    is_unfinished = resumable and not is_complete
    if is_unfinished:
        st.markdown(resume_promise(run))
    with st.container(key="steps", horizontal=True, vertical_alignment="center", gap="medium"):
        if is_unfinished:
            _resume(run)
        if has_model(run):
            key = None if is_unfinished else "try"
            icon = ":material/image_search:"
            link("try_it", "Try it on your own images", icon=icon, primary_key=key, run=run.id)
        if results_or_none(run):
            # Its button arrives late: the style sheet keeps its room, so that none moves aside.
            with st.container(key="report", width="content"):
                _link_report(run)
        if is_complete and resumable:
            _continue(run)
        _link_again(run, has_images=has_images, is_next=not (is_unfinished or has_model(run)))
        show_publishing(run)
    if run.result and why_no_figures(run):
        st.caption("There is no report to pass on, since there are no figures to report.")


def _resume(run: Run) -> None:
    if not st.button(
        "Resume", type="primary", icon=":material/play_arrow:", key=f"resume-{run.id}"
    ):
        return
    try:
        get_runner().resume(run.id)
    except TransferLabError as error:
        # If the state has changed, somebody else resumed the run first: that is no error.
        if get_workspace().store.get_run(run.id).state == run.state:
            st.error(literal(str(error)), icon=":material/error:")
            return
    st.rerun()


def _continue(run: Run) -> None:
    done = run.epochs_done
    if done >= _MOST_EPOCHS:
        return
    icon = ":material/forward:"
    with st.popover("Continue for more epochs", icon=icon):
        st.markdown(
            f"Training goes on from the end of epoch {done}. This makes a **new run**, since the "
            "test set is looked at once a run; this run does not change."
        )
        # Without bounds of its own: a field with bounds ignores a number outside them in silence.
        total = st.number_input("Epochs in total", value=min(2 * done, _MOST_EPOCHS))
        is_possible = done < total <= _MOST_EPOCHS
        label = f"Continue for {total - done} more" if is_possible else "Continue"
        if not is_possible:
            st.error(
                f"It has done {number_of(done, 'epoch')}: give from {done + 1} to {_MOST_EPOCHS}."
            )
        key = f"go-on-{run.id}"
        if st.button(label, type="primary", icon=icon, key=key, disabled=not is_possible):
            try:
                new = get_runner().resume(run.id, int(total))
            except TransferLabError as error:
                st.error(literal(str(error)), icon=":material/error:")
                return
            go("run", run=new.id)


def _link_report(run: Run) -> None:
    # A route behind a signed address, because the report is made only when it is opened.
    token = get_tokens().sign("run", run.id)
    st.link_button(
        "Download the report",
        f"{url_base()}/api/runs/{run.id}/report?token={token}",
        icon=":material/download:",
        type="tertiary",
        help="To pass on: one HTML file with the figures, charts and examples, explained for "
        "people who were not there. It opens in any browser, without a network, and prints to "
        "PDF.",
    )


def _has_dataset(run: Run) -> bool:
    try:
        get_workspace().store.get_dataset(run.config.data.dataset_id)
    except UnknownDataset:
        return False
    return True


def _link_again(run: Run, *, has_images: bool, is_next: bool) -> None:
    key = "back" if is_next else None
    if has_images:
        label = "Train again with changes"
        link("train", label, icon=":material/model_training:", primary_key=key, like=run.id)
    else:
        label = "Its dataset was deleted: choose another"
        link("data", label, icon=":material/photo_library:", primary_key=key)
