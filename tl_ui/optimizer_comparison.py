"""The same training with each optimizer: what is queued, how it goes, and what came of it."""

import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import streamlit as st

from tl_core.backbones import list_backbones
from tl_core.charts.curves import series
from tl_core.config import DEFAULT_BACKBONE, RunConfig, knob_help, make_run_config
from tl_core.errors import TransferLabError
from tl_core.evaluation import wilson_interval
from tl_core.records import DatasetRecord, Run, RunState
from tl_core.run_words import backbone_title, depth_words, is_busy, runs_compared, seconds_taken, when
from tl_core.text import GLOSSARY, count, number_of, percent, share, shorten
from tl_core.training.optimizers import DEFAULT_LEARNING_RATES, OPTIMIZER_SENTENCES
from tl_core.training.plan import learning_rates
from tl_ui.comparison_charts import LOOKS
from tl_ui.components.assets import url_base
from tl_ui.components.live_chart import live_chart
from tl_ui.knobs import choice_words
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.resources import get_runner, get_tokens, get_workspace
from tl_ui.run_settings import Fact, settings_html
from tl_ui.run_view import STATES
from tl_ui.runs_table import open_clicked_run, open_column

_DEPTHS = {
    "all": "The head only (quick)",
    -1: "The head and the last stage",
    -2: "The head and the last two stages",
    0: "Everything",
}


# Starting one


def choose_and_start(datasets: Sequence[DatasetRecord]) -> None:
    """The form, and the button that queues one run for each optimizer."""
    names = {d.id: f"{d.name} ({number_of(d.n, 'image')}, {len(d.classes)} classes)" for d in datasets}
    titles = {b.name: b.title for b in list_backbones()}
    left, right = st.columns(2, gap="large")
    with left:
        dataset_id = st.selectbox("Dataset", list(names), format_func=names.__getitem__)
        backbone = st.selectbox(
            "Backbone",
            list(titles),
            list(titles).index(DEFAULT_BACKBONE),
            format_func=titles.__getitem__,
            help=GLOSSARY["backbone"],
        )
        depth = st.selectbox("What learns", list(_DEPTHS), format_func=_DEPTHS.__getitem__, help=GLOSSARY["freeze"])
    with right, st.container(horizontal=True):
        epochs = st.number_input("Epochs", 1, 100, 5, help=GLOSSARY["epoch"])
        seed = st.number_input("Seed", 0, 2**32 - 1, 0, help=GLOSSARY["seed"])
    with right:
        rate = _choose_rate()
    settings = {"backbone": backbone, "frozen_stages": depth, "epochs": epochs, "seed": seed, "augment": "none"}
    settings |= {"learning_rate": rate} if rate else {}
    if st.button("Compare the eight optimizers", type="primary", icon=":material/play_arrow:"):
        _start(dataset_id, settings)
    st.caption(
        "Queues eight runs, one after the other, with the same images, split, seed and settings, and without "
        "augmentation; only the optimizer differs."
    )


def _choose_rate() -> float | None:
    """One rate for all, or None for each optimizer's own."""
    own = st.radio(
        "Learning rate of the head",
        [True, False],
        format_func={True: "Each optimizer's own default", False: "The same for all"}.__getitem__,
        help=GLOSSARY["learning rate"],
    )
    if not own:
        return st.number_input("Learning rate", 1e-6, 10.0, 0.01, step=0.001, format="%.6g")
    rates = ", ".join(f"{choice_words(name)} {DEFAULT_LEARNING_RATES[name]:g}" for name in LOOKS)
    st.caption(f"{rates}.")
    return None


def _start(dataset_id: str, settings: dict[str, Any]) -> None:
    try:
        with st.spinner("Queueing eight runs…", show_time=False):
            comparison_id = queue_comparison(dataset_id, settings)
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    st.query_params.from_dict({"comparison": comparison_id})
    st.rerun()


def queue_comparison(dataset_id: str, settings: dict[str, Any]) -> str:
    """One run for each optimizer; the id that they share as the fact `comparison`.

    Raises:
        TransferLabError: such a run cannot be queued.
    """
    comparison_id, store = secrets.token_hex(4), get_workspace().store
    for name in LOOKS:
        run = get_runner().submit(make_run_config(dataset_id, {**settings, "optimizer": name}))
        store.update_run(run.id, facts={"comparison": comparison_id})
    return comparison_id


# Showing one


def show_comparison(comparison_id: str, runs: Sequence[Run]) -> None:
    """What is compared, how far it is, the curves, the figures, and what each optimizer is."""
    config = runs[0].config
    st.subheader(f"{literal(shorten(runs[0].dataset_name, 60))}: {literal(what_is_trained(config))}", anchor=False)
    st.markdown(
        f"{number_of(len(runs), 'run')} with the same images, split, seed ({config.train.seed}) and settings, "
        f"{_rate_words(runs)}. **This is one seed**: with another the order may change, so small differences mean "
        "little."
    )
    top, curves, figures = st.container(), st.container(), st.container()
    with curves:
        if not any(is_busy(run) or run.epochs_done for run in runs):
            st.markdown("None of them finished an epoch, so there are no curves to show.")
        else:
            _show_curves(comparison_id, live=any(map(is_busy, runs)))
    busy = any(is_busy(run) for run in runs)
    with top:
        if busy:
            st.fragment(_show_progress, run_every=1)(comparison_id)
        elif stopped := sum(run.state is not RunState.COMPLETED for run in runs):
            st.info(
                f"{share(stopped, len(runs))} runs ended before they were tested: their curves stop there, and the "
                "table says how each ended.",
                icon=":material/stop_circle:",
            )
    with figures:
        st.subheader("What came of it", anchor=False)
        st.fragment(_show_figures, run_every=2 if busy else None)(comparison_id)
        st.subheader("What each of them does", help=knob_help("optimizer"), anchor=False)
        rows = [(name, OPTIMIZER_SENTENCES[name]) for name in LOOKS]
        st.html(settings_html([("", [Fact(choice_words(name), sentence) for name, sentence in rows])]))


def what_is_trained(config: RunConfig) -> str:
    epochs = number_of(config.train.epochs, "epoch")
    return f"{backbone_title(config.model)}, {depth_words(config.model)}, {epochs}"


def _rate_words(runs: Sequence[Run]) -> str:
    rates = {run.config.train.learning_rate for run in runs}
    common = rates.pop() if len(rates) == 1 else None
    return f"all at a learning rate of {common:g}" if common else "each at its optimizer's own default learning rate"


def _show_progress(comparison_id: str) -> None:
    store = get_workspace().store
    runs = runs_compared(store.list_runs(), comparison_id)
    busy = [run for run in runs if is_busy(run)]
    if not busy:
        st.rerun()
    st.progress(min(1.0, sum(map(_done, runs)) / len(runs)), text=progress_words(runs))
    are_stopping = all(store.is_cancel_requested(run.id) for run in busy)
    if st.button("Stopping…" if are_stopping else "Stop all", icon=":material/stop_circle:", disabled=are_stopping):
        for run in reversed(busy):  # those that wait first, so that none of them begins
            store.request_cancel(run.id)
    st.caption("Closing this page changes nothing: the runs go on, and this address opens it again.")


def _done(run: Run) -> float:
    return run.epochs_done / run.config.train.epochs if is_busy(run) else 1.0


def progress_words(runs: Sequence[Run]) -> str:
    """`3 of 8 done; now Nesterov: training, epoch 2 of 5`."""
    words = f"{share(sum(not is_busy(run) for run in runs), len(runs))} done"
    running = next((run for run in runs if run.state is RunState.RUNNING), None)
    if running is None:
        return words
    progress = running.progress
    what = (progress.detail or progress.stage) if progress else "starting"
    return f"{words}; now {choice_words(running.config.train.optimizer)}: {what}"


def _show_curves(comparison_id: str, *, live: bool) -> None:
    token = get_tokens().sign("comparison", comparison_id)
    left, right = st.columns(2, gap="medium")
    about = {
        "loss": (left, "How fast the loss falls, smoothed over half an epoch", GLOSSARY["loss"]),
        "accuracy": (right, "How often it is right on validation images", GLOSSARY["validation"]),
    }
    for kind, (column, words, help_) in about.items():
        with column:
            st.caption(words, help=help_)
            url = f"{url_base()}/api/comparisons/{comparison_id}/charts/{kind}?token={token}"
            live_chart(key=f"{kind}-{comparison_id}", url=url, height=460, alt=words, live=live)
    st.caption(
        "Dotted lines: optimizers that fit the step of each weight by themselves. Click a name to hide its line, "
        "double-click it to see it alone."
    )


def _show_figures(comparison_id: str) -> None:
    runs = runs_compared(get_workspace().store.list_runs(), comparison_id)
    if words := verdict(runs):
        st.markdown(words)
    st.dataframe(
        [figures_row(run) for run in runs],
        key=f"figures-{comparison_id}",
        hide_index=True,
        placeholder="–",
        column_config=_columns([run.id for run in runs]),
        height=38 + 36 * len(runs),
        row_height=36,
        alt="Test accuracy, training loss and time of each optimizer",
    )
    open_clicked_run()


def figures_row(run: Run) -> dict[str, Any]:
    """What the table says of one optimizer; None where there is nothing to say yet."""
    result, train = run.result, run.config.train
    return {
        "Optimizer": choice_words(train.optimizer),
        "State": STATES[run.state][0],
        "Test accuracy": 100 * result.accuracy if result else None,
        "95 % interval": _interval(run),
        "n": result.n if result else None,
        "Training loss": _last_loss(run.id, run.epochs_done),
        "Seconds": seconds_taken(run),
        "Learning rate": f"{learning_rates(train, run.config.model.pretrained)[0]:g}",
        "": "Open",
    }


def _columns(ids: list[str]) -> dict[str, Any]:
    column = st.column_config
    return {
        "Optimizer": column.TextColumn(width=230, pinned=True, help=GLOSSARY["optimizer"]),
        "Test accuracy": column.NumberColumn(format="%.1f %%", help=f"{GLOSSARY['accuracy']} {GLOSSARY['test set']}"),
        "95 % interval": column.TextColumn(help=GLOSSARY["interval"]),
        "n": column.NumberColumn(help="Test images that the accuracy was measured on."),
        "Training loss": column.NumberColumn(format="%.3f", help=f"Of the last epoch. {GLOSSARY['loss']}"),
        "Seconds": column.NumberColumn(format="%.1f", help="From the start of the run to its end, or until now."),
        "Learning rate": column.TextColumn(help=f"Of the head. {GLOSSARY['learning rate']}"),
        "": open_column(ids, "open-compared"),
    }


def _interval(run: Run) -> str | None:
    if run.result is None:
        return None
    low, high = _bounds(run)
    return f"{100 * low:.1f}–{100 * high:.1f} %"


def _bounds(run: Run) -> tuple[float, float]:
    assert run.result is not None
    return wilson_interval(round(run.result.accuracy * run.result.n), run.result.n)


@lru_cache(maxsize=512)
def _last_loss(run_id: str, epochs_done: int) -> float | None:
    losses = series(get_workspace().store.list_metrics(run_id), "train", "loss")
    return next((point.value for point in losses if point.epoch == epochs_done), None)


def verdict(runs: Sequence[Run]) -> str:
    """What the test says of best and worst, and whether it can tell them apart; nothing until two are tested."""
    tested = sorted((run for run in runs if run.result), key=lambda run: -run.result.accuracy if run.result else 0)
    if len(tested) < 2:
        return ""
    best, worst = tested[0], tested[-1]
    if _bounds(best) == _bounds(worst):
        return f"No difference: {_score(best, tested)}."
    if _bounds(best)[0] > _bounds(worst)[1]:
        apart = "Their intervals lie apart, so this is hardly chance in the choice of test images."
    else:
        apart = "Their intervals overlap, so the difference may be chance."
    return f"Most often right: {_score(best, tested)}. Least often: {_score(worst, tested)}. {apart}"


def _score(run: Run, tested: Sequence[Run]) -> str:
    """Of a run, and of those that did just as well."""
    assert run.result is not None
    n, accuracy = run.result.n, run.result.accuracy
    names = [choice_words(r.config.train.optimizer) for r in tested if r.result and r.result.accuracy == accuracy]
    return f"**{', '.join(names)}** on {share(round(accuracy * n), n)} test images ({percent(accuracy)})"


# Those there are


def list_comparisons(runs: Sequence[Run], shown: str) -> None:
    """Links to all comparisons but the one that is shown, the newest first.

    Args:
        runs: all there are, newest first.
    """
    ids = dict.fromkeys(run.facts["comparison"] for run in runs if "comparison" in run.facts)
    others = [comparison_id for comparison_id in ids if comparison_id != shown]
    if not others:
        return
    st.subheader("Other comparisons" if shown else "Comparisons so far", anchor=False)
    for comparison_id in others:
        members = runs_compared(runs, comparison_id)
        tested = sum(run.result is not None for run in members)
        label = (
            f"**{literal(shorten(members[0].dataset_name, 40))}**: {literal(what_is_trained(members[0].config))}, "
            f"{count(tested)} of {len(members)} tested, {when(members[0].created_at, st.context.timezone)}"
        )
        link("optimizers", label, icon=":material/ssid_chart:", comparison=comparison_id)
