"""Results of the optimizers: table, comparison of best and worst, learning rates too high."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from tl_core.charts.curve_axes import series
from tl_core.evaluation import wilson_interval
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.runs.summary import seconds_taken
from tl_core.text import percent, share
from tl_core.training.optimizers import learning_rates
from tl_ui.caching import cached_by_person
from tl_ui.optimizers.curves import smoothed
from tl_ui.resources import get_workspace
from tl_ui.run.overview import STATES
from tl_ui.runs.table import open_column
from tl_ui.setting_labels import choice_words


def figures_row(run: Run) -> dict[str, Any]:
    """Return the table row of one run, with None for figures that are not known yet."""
    result = run.result
    train = run.config.train
    return {
        "Optimizer": choice_words(train.optimizer),
        "Test accuracy": 100 * result.accuracy if result else None,
        "95 % interval": _interval(run),
        "n": result.n if result else None,
        "Training loss": _last_loss(run.id, run.epochs_done),
        "Seconds": seconds_taken(run),
        # As text, since a number column shows the same decimals for all rates.
        "Learning rate": f"{learning_rates(train, run.config.model.pretrained)[0]:g}",
        # After the figures: a phone shows the first columns only.
        "State": STATES[run.state][0],
        "": "Open",
    }


def figure_columns(ids: list[str]) -> dict[str, Any]:
    """Return the column configuration of the table."""
    column = st.column_config
    return {
        "Optimizer": column.TextColumn(width=230, pinned=True, help=GLOSSARY["optimizer"]),
        "Test accuracy": column.NumberColumn(
            format="%.1f %%", help=f"{GLOSSARY['accuracy']} {GLOSSARY['test set']}"
        ),
        "95 % interval": column.TextColumn(help=GLOSSARY["interval"]),
        "n": column.NumberColumn(help="Test images that the accuracy was measured on."),
        "Training loss": column.NumberColumn(
            format="%.3f", help=f"Mean over the last epoch. {GLOSSARY['loss']}"
        ),
        "Seconds": column.NumberColumn(
            format="%.1f",
            help="Duration of the run so far, without pauses.",
        ),
        "Learning rate": column.TextColumn(
            help=f"Learning rate of the head. {GLOSSARY['learning rate']}"
        ),
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


# `epochs_done` is part of the key, so that each further epoch is read once.
@cached_by_person(512)
def _last_loss(run_id: str, epochs_done: int) -> float | None:
    losses = series(get_workspace().store.list_metrics(run_id), "train", "loss")
    return next((point.value for point in losses if point.epoch == epochs_done), None)


_RISE = 1.1
"""Ratio to the first loss above which a rise is more than noise of the batches."""


def too_fast(runs: Sequence[Run]) -> str:
    """Explain a training loss that first rose; "" if no optimizer's did."""
    rose = []
    for run in runs:
        first, largest = _course(run.id, run.epochs_done)
        if largest > _RISE * first:
            name = choice_words(run.config.train.optimizer)
            rose.append(f"**{name}** (from {first:.2f} to {largest:.2f})")
    if not rose:
        return ""
    return (
        f"The training loss first rose with {', '.join(rose)}: at this learning rate the steps "
        "went too far. A smaller rate, the same for all, shows what the optimizer can do."
    )


@cached_by_person(512)
def _course(run_id: str, epochs_done: int) -> tuple[float, float]:
    """Return the first and the largest smoothed training loss; zeros if there is none."""
    store = get_workspace().store
    curve = smoothed(store.get_run(run_id), store.list_metrics(run_id)) if epochs_done else []
    losses = [loss for _, loss in curve if loss is not None]
    return (losses[0], max(losses)) if losses else (0.0, 0.0)


def verdict(runs: Sequence[Run]) -> str:
    """Compare best and worst test accuracy by their intervals; "" until two are tested."""
    tested = sorted((run for run in runs if run.result), key=_accuracy, reverse=True)
    if len(tested) < 2:
        return ""
    best = tested[0]
    worst = tested[-1]
    if _bounds(best) == _bounds(worst):
        return f"No difference: {_score(best, tested)}."
    if _bounds(best)[0] > _bounds(worst)[1]:
        apart = "Their intervals lie apart, so this is hardly chance in the choice of test images."
    else:
        apart = "Their intervals overlap, so the difference may be chance."
    best_words = _score(best, tested)
    return f"Most often right: {best_words}. Least often: {_score(worst, tested)}. {apart}"


def _accuracy(run: Run) -> float:
    return run.result.accuracy if run.result else 0.0


def _score(run: Run, tested: Sequence[Run]) -> str:
    """Name the run's accuracy and all optimizers that reached it."""
    assert run.result is not None
    n = run.result.n
    accuracy = run.result.accuracy
    names = [choice_words(r.config.train.optimizer) for r in tested if _accuracy(r) == accuracy]
    # The product is a whole number but for rounding.
    right = share(round(accuracy * n), n)
    return f"**{', '.join(names)}** on {right} test images ({percent(accuracy)})"
