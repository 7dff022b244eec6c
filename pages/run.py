"""Run page: one run from the queue to its test metrics, under an address that stays the same."""

import streamlit as st

from tl_core.records import RunState
from tl_core.runs.summary import is_busy
from tl_ui.people import may_see_all
from tl_ui.run.actions import show_next_steps
from tl_ui.run.calibration import show_calibration
from tl_ui.run.confusion_matrix import follow_matrix
from tl_ui.run.epochs import show_epochs
from tl_ui.run.evaluation import show_answers
from tl_ui.run.export import show_export
from tl_ui.run.feature_map import show_run_map, show_run_probes
from tl_ui.run.live_samples import follow_samples, show_opened_sample
from tl_ui.run.overview import open_run, show_ending, show_head, show_learning_curves
from tl_ui.run.preview import show_preview, watch_preview
from tl_ui.run.progress import is_training, watch
from tl_ui.run.published import show_published
from tl_ui.run.results import show_figures
from tl_ui.run.settings import show_settings
from tl_ui.runs.deletion import ask_to_delete

run = open_run()
if not may_see_all(run):
    show_published(run)
    st.stop()
show_head(run)
show_opened_sample(run)

# A run under way has sections of its own; the fragment in `watch` reruns the page when they change.
if is_busy(run):
    st.header("Queued" if run.state is RunState.QUEUED else "Running", anchor=False)
    watch(run)
    if is_training(run):
        show_learning_curves(run)
        left, right = st.columns(2, gap="large")
        with left:
            follow_samples(run)
        with right:
            follow_matrix(run)
    # Before the training there are no curves yet, but a preview of what can be learned.
    elif run.state is not RunState.QUEUED:
        left, right = st.columns(2, gap="large")
        with left:
            watch_preview(run)
        with right:
            follow_samples(run)
    show_settings(run)
    st.stop()

show_ending(run)
show_next_steps(run)
show_export(run)
show_figures(run)
show_answers(run)
show_calibration(run)
if run.epochs_done:
    show_learning_curves(run)
    show_preview(run)
    show_epochs(run)
    show_run_map(run)
    show_run_probes(run)
show_settings(run)
if st.button("Delete this run…", icon=":material/delete:", type="tertiary"):
    ask_to_delete([run], then="runs")
