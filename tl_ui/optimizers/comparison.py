"""Comparison of optimizers on the same training: progress, curves, results, list of comparisons."""

from collections.abc import Sequence

import streamlit as st

from tl_core.config import RunConfig, knob_help
from tl_core.glossary import GLOSSARY
from tl_core.records import Run, RunState
from tl_core.runs.summary import (
    backbone_title,
    depth_words,
    is_busy,
    members_of,
    runs_compared,
    when,
)
from tl_core.store import RunQuery
from tl_core.text import count, number_of, share, shorten
from tl_core.training.optimizers import OPTIMIZER_SENTENCES
from tl_ui.choice import draw_again
from tl_ui.components.assets import url_base
from tl_ui.components.live_chart import live_chart
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.optimizers.curves import LOOKS
from tl_ui.optimizers.results import figure_columns, figures_row, too_fast, verdict
from tl_ui.resources import get_tokens, get_workspace
from tl_ui.run.settings import Fact, settings_html
from tl_ui.runs.table import open_clicked_run
from tl_ui.setting_labels import choice_words

_MOST_LISTED = 30
"""Comparisons that are linked, the newest first."""


def show_comparison(comparison_id: str, runs: Sequence[Run]) -> None:
    """Show the settings, progress, learning curves, test results and update rules."""
    config = runs[0].config
    st.subheader(
        f"{literal(shorten(runs[0].dataset_name, 60))}: {literal(what_is_trained(config))}",
        anchor=False,
    )
    st.markdown(
        f"{number_of(len(runs), 'run')} with the same images, split, seed ({config.train.seed}) "
        f"and settings, {_rate_words(runs)}. **This is one seed**: with another the order may "
        "change, so small differences mean little."
    )
    busy = any(map(is_busy, runs))
    top = st.container()
    # Curves come first: the progress reruns the page when the last run ends, and what follows it
    # would be missing until then.
    with st.container():
        st.subheader("Learning curves", help=GLOSSARY["learning curves"], anchor=False)
        if busy or any(run.epochs_done for run in runs):
            _show_curves(comparison_id, live=busy)
        else:
            st.markdown("None of them finished an epoch, so there are no curves to show.")
    with top:
        if busy:
            st.fragment(_show_progress, run_every=1)(comparison_id)
        else:
            _say_how_many_stopped(runs)
    with st.container():
        st.subheader("Test results", help=GLOSSARY["test set"], anchor=False)
        st.caption("Accuracy, training loss and time of each optimizer.")
        st.fragment(_show_figures, run_every=2 if busy else None)(comparison_id)
        st.subheader("Update rules", help=knob_help("optimizer"), anchor=False)
        st.caption("How each optimizer turns the gradient into a step of the weights.")
        facts = [Fact(choice_words(name), OPTIMIZER_SENTENCES[name]) for name in LOOKS]
        st.html(settings_html([("", facts)]))


def _say_how_many_stopped(runs: Sequence[Run]) -> None:
    if stopped := sum(run.state is not RunState.COMPLETED for run in runs):
        st.info(
            f"{share(stopped, len(runs))} runs ended before they were tested: their curves stop "
            "there, and the table says how each ended.",
            icon=":material/stop_circle:",
        )


def what_is_trained(config: RunConfig) -> str:
    epochs = number_of(config.train.epochs, "epoch")
    return f"{backbone_title(config.model)}, {depth_words(config.model)}, {epochs}"


def _rate_words(runs: Sequence[Run]) -> str:
    rates = {run.config.train.learning_rate for run in runs}
    common = rates.pop() if len(rates) == 1 else None
    # The common rate is None where each optimizer takes its own default.
    if common:
        return f"all at a learning rate of {common:g}"
    return "each at its optimizer's own default learning rate"


def _show_progress(comparison_id: str) -> None:
    store = get_workspace().store
    runs = runs_compared(store, comparison_id)
    busy = [run for run in runs if is_busy(run)]
    if not busy:
        draw_again()
    st.progress(min(1.0, sum(map(_done, runs)) / len(runs)), text=progress_words(runs))
    are_stopping = all(store.is_cancel_requested(run.id) for run in busy)
    if st.button(
        "Stopping…" if are_stopping else "Stop all",
        icon=":material/stop_circle:",
        disabled=are_stopping,
    ):
        # Waiting runs first, so that none of them starts when the running one stops.
        for run in reversed(busy):
            store.request_cancel(run.id)
    st.caption("The runs continue when this page is closed; this address opens it again.")


def _done(run: Run) -> float:
    return run.epochs_done / run.config.train.epochs if is_busy(run) else 1.0


def progress_words(runs: Sequence[Run]) -> str:
    """Return words such as `3 of 8 done; now Nesterov: epoch 2 of 5`."""
    words = f"{share(sum(not is_busy(run) for run in runs), len(runs))} done"
    running = next((run for run in runs if run.state is RunState.RUNNING), None)
    if running is None:
        return words
    progress = running.progress
    step = (progress.detail or progress.stage) if progress else "starting"
    return f"{words}; now {choice_words(running.config.train.optimizer)}: {step}"


def _show_curves(comparison_id: str, *, live: bool) -> None:
    token = get_tokens().sign("comparison", comparison_id)
    left, right = st.columns(2, gap="medium")
    captions = {
        "loss": (left, "Training loss, smoothed over half an epoch", GLOSSARY["loss"]),
        "accuracy": (
            right,
            "Validation accuracy: share of validation images that are right",
            GLOSSARY["validation"],
        ),
    }
    for kind, (column, words, help_) in captions.items():
        with column:
            st.caption(words, help=help_)
            url = f"{url_base()}/api/comparisons/{comparison_id}/charts/{kind}?token={token}"
            live_chart(key=f"{kind}-{comparison_id}", url=url, height=460, alt=words, live=live)
    st.caption(
        "Dotted lines: adaptive optimizers, with a step size for each weight. Click a name to hide "
        "its line, double-click it to see it alone."
    )


def _show_figures(comparison_id: str) -> None:
    runs = runs_compared(get_workspace().store, comparison_id)
    for words in (verdict(runs), too_fast(runs)):
        if words:
            st.markdown(words)
    st.dataframe(
        [figures_row(run) for run in runs],
        key=f"figures-{comparison_id}",
        hide_index=True,
        placeholder="–",
        column_config=figure_columns([run.id for run in runs]),
        # The height of header and rows, so that the table itself does not scroll.
        height=38 + 36 * len(runs),
        row_height=36,
        alt="Test accuracy, training loss and time of each optimizer",
    )
    open_clicked_run()


def list_comparisons(shown: str) -> None:
    """List links to the latest comparisons but the one that is shown, the newest first."""
    most = _MOST_LISTED * len(LOOKS)
    runs = get_workspace().store.list_runs(RunQuery(is_compared=True, limit=most))
    # Unlike a set, this keeps the order.
    ids = list(dict.fromkeys(run.facts.comparison for run in runs if not run.facts.continues))
    # Part of the last one may lie beyond the limit.
    whole = ids[:-1] if len(runs) == most else ids
    others = [comparison_id for comparison_id in whole if comparison_id != shown]
    if not others:
        return
    st.subheader("Other comparisons" if shown else "Comparisons so far", anchor=False)
    for comparison_id in others:
        members = members_of(runs, comparison_id)
        tested = sum(run.result is not None for run in members)
        first = members[0]
        label = (
            f"**{literal(shorten(first.dataset_name, 40))}**: "
            f"{literal(what_is_trained(first.config))}, {count(tested)} of {len(members)} tested, "
            f"{when(first.created_at, st.context.timezone)}"
        )
        link("optimizers", label, icon=":material/ssid_chart:", comparison=comparison_id)
