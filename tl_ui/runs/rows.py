"""Rows of the list of runs as HTML: name, accuracy, state and what was trained on what."""

from collections.abc import Mapping, Sequence

import streamlit as st

from tl_core.records import Run, RunState
from tl_core.runs.starts import at, first_start, resumed_words
from tl_core.runs.summary import backbone_title, depth_words, seconds_taken, when
from tl_core.text import count, duration, html_text, number_of, percent, shorten, visible
from tl_ui.run.annotations import run_title
from tl_ui.run.overview import STATES
from tl_ui.setting_labels import choice_words

_MARKS = {
    RunState.QUEUED: "…",
    RunState.RUNNING: "▶",
    RunState.PAUSED: "‖",
    RunState.COMPLETED: "✓",
    RunState.FAILED: "✗",
    RunState.CANCELLED: "■",
    RunState.INTERRUPTED: "!",
}
_HEADS = ("", "Name", "Test accuracy", "State", "Dataset", "Backbone", "Epochs", "Validation")
_HEAD = "".join(f'<th scope="col">{head}</th>' for head in (*_HEADS, "Time", "Started"))


def rows_html(
    runs: Sequence[Run],
    now: float,
    places: Mapping[str, int],
    owners: Mapping[str, str] | None = None,
) -> str:
    """Return the table of runs as HTML.

    Args:
        places: place in the queue of each run that waits, counted from 1.
        now: time up to which a run that is under way has taken, in seconds since the epoch.
        owners: name of each owner, by id, for readers who see the runs of others. User text.
    """
    names = owners or {}
    rows = "".join(_row(run, now, places.get(run.id), names.get(run.owner, "")) for run in runs)
    return f"<table><thead><tr>{_HEAD}</tr></thead><tbody>{rows}</tbody></table>"


def _row(run: Run, now: float, place: int | None, owner: str) -> str:
    name = _text(run_title(run), 80)
    star = "★ " if run.is_favourite else ""
    tags = "".join(f'<span class="tag">{_text(tag, 40)}</span>' for tag in run.tags)
    by = f" · <b>{_text(owner, 40)}</b>" if owner else ""
    link = f'<a href="run?run={run.id}">{name}</a>'
    taken = seconds_taken(run, now)
    model = run.config.model
    train = run.config.train
    optimizer = html_text(choice_words(train.optimizer))
    epochs = f"{run.epochs_done} of {train.epochs}<small>{optimizer}</small>"
    cells = (
        f'<td class="tick"><label><input type="checkbox" value="{run.id}" '
        f'aria-label="Choose run {run.id}, {name}"></label></td>',
        f'<td class="name">{star}{link}<small>{run.id}{by}</small>'
        f'<small class="phone">{_recipe(run, now)}</small>{tags}</td>',
        _accuracy(run),
        f'<td class="state">{_MARKS[run.state]} {html_text(state_words(run))}{_place(place)}</td>',
        f'<td class="more">{_text(run.dataset_name, 60)}</td>',
        f'<td class="more">{_text(backbone_title(model), 60)}'
        f"<small>{html_text(depth_words(model))}</small></td>",
        f'<td class="more number epochs">{epochs}</td>',
        f'<td class="more number">{validation_html(run)}</td>',
        f'<td class="more number">{"–" if taken is None else duration(taken)}</td>',
        f'<td class="more number">{_started(run)}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _started(run: Run) -> str:
    """Return the first start, or the time of queueing before that, with the last resume."""
    timezone = st.context.timezone
    first = run.created_at if run.started_at is None else first_start(run)
    started = "–" if first is None else when(first, timezone)
    resumed = resumed_words(run, timezone)
    return html_text(started) + (f"<small>{html_text(resumed)}</small>" if resumed else "")


def _recipe(run: Run, now: float) -> str:
    """Return what tells a run from others on its dataset, for a phone: it has no more columns."""
    model = run.config.model
    timezone = st.context.timezone
    epochs = number_of(run.config.train.epochs, "epoch")
    network = f"{_text(backbone_title(model), 60)}, {html_text(depth_words(model))}"
    first = run.created_at if run.started_at is None else first_start(run)
    moments = ["" if first is None else at(first, now, timezone), resumed_words(run, timezone, now)]
    return " · ".join([epochs, network, *(html_text(words) for words in moments if words)])


def _accuracy(run: Run) -> str:
    """Return the cell with test accuracy and n; on a phone, untested runs have validation's."""
    if run.result:
        of = f"<small>of {count(run.result.n)} test images</small>"
        return f'<td class="number" data-label="Test">{percent(run.result.accuracy)} {of}</td>'
    if run.val_accuracy is not None:
        wide = "–<small>not tested</small>"
        narrow = validation_html(run)
        return (
            f'<td class="number" data-label="Validation"><span class="wide">{wide}</span>'
            f'<span class="phone">{narrow}</span></td>'
        )
    return '<td class="number">–<small>not tested</small></td>'


def validation_html(run: Run) -> str:
    """Return validation accuracy of the best epoch and its n, as far as they are known."""
    if run.val_accuracy is None:
        return "–"
    splits = run.facts.splits
    of = f"<small>of {count(splits.val)} validation images</small>" if splits else ""
    return f"{percent(run.val_accuracy)} {of}"


def state_words(run: Run) -> str:
    word = STATES[run.state][0]
    if run.state is RunState.RUNNING and run.progress:
        # The first word of the stage is all that the column has room for.
        return f"{run.progress.stage.split()[0]} {100 * run.progress.fraction:.0f} %"
    return word


def _place(place: int | None) -> str:
    if place is None:
        return ""
    words = "next to start" if place == 1 else f"place {count(place)} in the queue"
    return f"<small>{words}</small>"


def _text(text: str, longest: int) -> str:
    return html_text(visible(shorten(text, longest)))
