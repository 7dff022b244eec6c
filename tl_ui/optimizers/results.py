"""What came of the same training with each optimizer: the table, and what the test can tell apart."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import streamlit as st

from tl_core.charts.curves import series
from tl_core.evaluation import wilson_interval
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.runs.summary import seconds_taken
from tl_core.text import percent, share
from tl_core.training.plan import learning_rates
from tl_ui.optimizers.curves import smoothed
from tl_ui.resources import get_workspace
from tl_ui.run.overview import STATES
from tl_ui.runs.table import open_column
from tl_ui.train.widgets import choice_words


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


def figure_columns(ids: list[str]) -> dict[str, Any]:
    """How the table shows these runs' rows."""
    column = st.column_config
    return {
        "Optimizer": column.TextColumn(width=230, pinned=True, help=GLOSSARY["optimizer"]),
        "Test accuracy": column.NumberColumn(
            format="%.1f %%", help=f"{GLOSSARY['accuracy']} {GLOSSARY['test set']}"
        ),
        "95 % interval": column.TextColumn(help=GLOSSARY["interval"]),
        "n": column.NumberColumn(help="Test images that the accuracy was measured on."),
        "Training loss": column.NumberColumn(
            format="%.3f", help=f"Of the last epoch. {GLOSSARY['loss']}"
        ),
        "Seconds": column.NumberColumn(
            format="%.1f",
            help="All that the run took, pauses left out; until now, where it is going on.",
        ),
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


_RISE = 1.1
"""Times the loss at the beginning: what is less may be the chance of the batches."""


def too_fast(runs: Sequence[Run]) -> str:
    """Whose loss rose before it fell, and what that means; nothing where none did."""
    rose = []
    for run in runs:
        first, largest = _course(run.id, run.epochs_done)
        if largest > _RISE * first:
            rose.append(
                f"**{choice_words(run.config.train.optimizer)}** (from {first:.2f} to {largest:.2f})"
            )
    if not rose:
        return ""
    return (
        f"The training loss first rose with {', '.join(rose)}: at this learning rate the steps went too far. "
        "A smaller rate, the same for all, shows what the optimizer can do."
    )


@lru_cache(maxsize=512)
def _course(run_id: str, epochs_done: int) -> tuple[float, float]:
    """(smoothed training loss at the first step, the largest since); zeros where there is none."""
    store = get_workspace().store
    curve = smoothed(store.get_run(run_id), store.list_metrics(run_id)) if epochs_done else []
    losses = [loss for _, loss in curve if loss is not None]
    return (losses[0], max(losses)) if losses else (0.0, 0.0)


def verdict(runs: Sequence[Run]) -> str:
    """What the test says of best and worst, and whether it can tell them apart; nothing until two are tested."""
    tested = sorted(
        (run for run in runs if run.result),
        key=lambda run: -run.result.accuracy if run.result else 0,
    )
    if len(tested) < 2:
        return ""
    best, worst = tested[0], tested[-1]
    if _bounds(best) == _bounds(worst):
        return f"No difference: {_score(best, tested)}."
    if _bounds(best)[0] > _bounds(worst)[1]:
        apart = "Their intervals lie apart, so this is hardly chance in the choice of test images."
    else:
        apart = "Their intervals overlap, so the difference may be chance."
    return (
        f"Most often right: {_score(best, tested)}. Least often: {_score(worst, tested)}. {apart}"
    )


def _score(run: Run, tested: Sequence[Run]) -> str:
    """Of a run, and of those that did just as well."""
    assert run.result is not None
    n, accuracy = run.result.n, run.result.accuracy
    names = [
        choice_words(r.config.train.optimizer)
        for r in tested
        if r.result and r.result.accuracy == accuracy
    ]
    return f"**{', '.join(names)}** on {share(round(accuracy * n), n)} test images ({percent(accuracy)})"
