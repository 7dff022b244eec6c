"""What a run will do before it does it: which stage learns in which epoch and how fast, as charts."""

import math
from collections.abc import Sequence

from tl_core.charts import FROZEN, TRAINABLE, Chart, Figure
from tl_core.config import RunConfig, TrainConfig
from tl_core.text import number_of, plotly_text
from tl_core.training.plan import Phase

_PALE = "#fbdcae"
"""Of the slowest rate; the fastest is the full orange."""
_MOST_LABELS = 240
"""Cells above which no rate is written into them."""


def plan_chart(
    config: RunConfig, plan: Sequence[Phase], stages: Sequence[str], rates: Sequence[float]
) -> Chart:
    """Epochs across, the network down from the image to the head; each cell frozen, or its learning rate.

    Args:
        stages: names of the backbone's stages, from the input.
        rates: the head's mean learning rate in every epoch.
    """
    rows = [*stages, "head"]
    cells = cell_rates(plan, rates)
    figure: Figure = {
        "data": [*_frozen_bars(cells), _learning_cells(cells, rows)],
        "layout": {
            "xaxis": {
                "title": {"text": "Epoch"},
                "range": [0.5, config.train.epochs + 0.5],
                **_ticks(config.train),
            },
            "yaxis": {
                "tickvals": list(range(len(rows))),
                "ticktext": [plotly_text(name) for name in rows],
                "range": [len(rows) - 0.5, -0.5],
                "showgrid": False,
                "zeroline": False,
            },
            "barmode": "overlay",
            "bargap": 0,
            "hovermode": "closest",
            "showlegend": True,
            "uirevision": "keep",
        },
    }
    return Chart(
        plan_title(config, plan), _plan_alt(plan, rows), figure, height=150 + 26 * len(rows)
    )


def cell_rates(plan: Sequence[Phase], rates: Sequence[float]) -> list[list[float | None]]:
    """Of every part of the network, then every epoch: its mean learning rate, or None where it is frozen."""
    columns = [
        [rate / phase.rates[-1] * rates[epoch - 1] if rate else None for rate in phase.rates]
        for phase in plan
        for epoch in range(phase.first_epoch, phase.last_epoch + 1)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def plan_title(config: RunConfig, plan: Sequence[Phase]) -> str:
    """What learns when, in one sentence."""
    train, stages = config.train, len(plan[0].rates) - 1
    if not config.model.pretrained:
        return f"Every stage learns from scratch for {number_of(train.epochs, 'epoch')}"
    first, last = plan[0].frozen, plan[-1].frozen
    deep = _depth(stages - last.stages, stages)
    if len(plan) == 1:
        whom = "The head alone learns" if first.stages == stages else f"The head and {deep} learn"
        return f"{whom} for {number_of(train.epochs, 'epoch')}"
    alone = f"{number_of(plan[0].last_epoch, 'epoch')} of the head alone, then "
    if train.unfreeze == "two-phase":
        return f"{alone}{train.epochs - plan[0].last_epoch} with {deep}"
    every = "every epoch" if train.unfreeze_every == 1 else f"every {train.unfreeze_every} epochs"
    return f"{alone}one stage more {every}, until {deep} learn"


def rate_words(rate: float) -> str:
    """`0.0012`, `7.4e-5`: two figures."""
    return f"{rate:.2g}".replace("e-0", "e-")


def _depth(learning: int, stages: int) -> str:
    if learning == stages:
        return f"all {stages} stages"
    return "the last stage" if learning == 1 else f"the last {learning} stages"


def rate_chart(config: RunConfig, rates: Sequence[tuple[float, float]]) -> Chart:
    """The head's learning rate over the run; that of the stages goes with it."""
    top = max(rate for _, rate in rates)
    trace = {
        "x": [passed for passed, _ in rates],
        "y": [rate for _, rate in rates],
        "mode": "lines",
        "line": {"color": TRAINABLE, "width": 2.4},
        "hovertemplate": "after %{x:.1f} epochs: %{y:.2g}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "Epochs passed"}, "zeroline": False, "rangemode": "tozero"},
        "yaxis": {
            "title": {"text": "Learning rate of the head"},
            "zeroline": False,
            "rangemode": "tozero",
        },
        "hovermode": "closest",
        "showlegend": False,
        "uirevision": "keep",
    }
    title = f"Learning rate of the head: {_course(config.train)}"
    alt = f"Line chart of the head's learning rate by epoch, highest {rate_words(top)}, last {rate_words(rates[-1][1])}."
    return Chart(title, alt, {"data": [trace], "layout": layout}, height=280)


def _course(train: TrainConfig) -> str:
    if train.schedule == "plateau":
        return "steady, until validation stops improving; when that will be cannot be known before"
    if train.schedule == "one-cycle":
        return "up over the first third, then down to nearly nothing"
    after = {
        "constant": "the same to the end",
        "step": f"times {train.decay:g} every {number_of(train.step_epochs, 'epoch')}",
        "exponential": f"times {train.decay:g} over each epoch",
        "cosine": "down along a cosine",
    }[train.schedule]
    return f"warms up, then {after}" if train.warm_up else after


def finding_chart(
    rates: Sequence[float], losses: Sequence[float], suggestion: float | None
) -> Chart:
    """The learning-rate finder's measurement: loss over a rising rate, and where it suggests to stay."""
    pairs = [(rate, loss) for rate, loss in zip(rates, losses, strict=True) if math.isfinite(loss)]
    trace = {
        "x": [rate for rate, _ in pairs],
        "y": [loss for _, loss in pairs],
        "mode": "lines",
        "line": {"color": "@accent", "width": 2.4},
        "hovertemplate": "rate %{x:.2g}: loss %{y:.3f}<extra></extra>",
    }
    layout: Figure = {
        "xaxis": {
            "title": {"text": "Learning rate of the head"},
            "type": "log",
            "exponentformat": "power",
            "dtick": 1,
        },
        "yaxis": {"title": {"text": "Loss (nats), smoothed"}, "zeroline": False},
        "hovermode": "closest",
        "showlegend": False,
        "uirevision": "keep",
    }
    if suggestion:
        place = {"x0": suggestion, "x1": suggestion, "y0": 0, "y1": 1, "yref": "paper"}
        layout["shapes"] = [
            {"type": "line", **place, "line": {"color": TRAINABLE, "width": 2, "dash": "dash"}}
        ]
        where = {
            "x": math.log10(suggestion),
            "y": 1,
            "yref": "paper",
            "yanchor": "top",
            "xanchor": "right",
        }
        layout["annotations"] = [
            {**where, "text": f"suggested: {rate_words(suggestion)} ", "showarrow": False}
        ]
    title = (
        f"Suggested learning rate of the head: {rate_words(suggestion)}"
        if suggestion
        else "No learning rate stood out"
    )
    return Chart(
        title,
        f"Line chart of the loss over {number_of(len(pairs), 'learning rate')}. {title}.",
        {"data": [trace], "layout": layout},
        height=300,
    )


def _frozen_bars(cells: Sequence[Sequence[float | None]]) -> list[Figure]:
    """A hatched bar over each stretch of epochs in which a part stays as it is."""
    stretches = [
        (row, *stretch) for row, rates in enumerate(cells) for stretch in _stretches(rates)
    ]
    if not stretches:
        return []
    return [
        {
            "type": "bar",
            "orientation": "h",
            "name": "frozen",
            "uid": "frozen",
            "y": [row for row, _, _ in stretches],
            "base": [first - 0.5 for _, first, _ in stretches],
            "x": [last - first + 1 for _, first, last in stretches],
            "width": 0.92,
            "marker": {
                "color": FROZEN,
                "pattern": {
                    "shape": "/",
                    "bgcolor": FROZEN,
                    "fgcolor": "rgba(255,255,255,.5)",
                    "size": 7,
                    "solidity": 0.25,
                },
            },
            "hoverinfo": "text",
            "hovertext": [f"frozen in epochs {first} to {last}" for _, first, last in stretches],
        }
    ]


def _stretches(rates: Sequence[float | None]) -> list[tuple[int, int]]:
    """(first, last) epoch of each stretch that is frozen."""
    found: list[tuple[int, int]] = []
    for epoch, rate in enumerate(rates, 1):
        if rate is not None:
            continue
        if found and found[-1][1] == epoch - 1:
            found[-1] = (found[-1][0], epoch)
        else:
            found.append((epoch, epoch))
    return found


def _learning_cells(cells: Sequence[Sequence[float | None]], rows: Sequence[str]) -> Figure:
    learning = [math.log10(rate) for row in cells for rate in row if rate]
    low, high = min(learning), max(learning)
    epochs = len(cells[0])
    trace: Figure = {
        "type": "heatmap",
        "name": "learns, at this rate",
        "uid": "learns",
        "x": list(range(1, epochs + 1)),
        "y": list(range(len(rows))),
        "z": [[math.log10(rate) if rate else None for rate in row] for row in cells],
        "zmin": min(low, high - 1),
        "zmax": high,
        "colorscale": [[0, _PALE], [1, TRAINABLE]],
        "showscale": False,
        "showlegend": True,
        "xgap": 1 if epochs <= 60 else 0,
        "ygap": 2,
        "hoverinfo": "text",
        "hovertext": [
            [
                f"{plotly_text(name)}, epoch {i}: {rate_words(rate)}" if rate else ""
                for i, rate in enumerate(row, 1)
            ]
            for name, row in zip(rows, cells, strict=True)
        ],
    }
    if epochs * len(rows) <= _MOST_LABELS:
        trace |= {
            "text": [[rate_words(rate) if rate else "" for rate in row] for row in cells],
            "texttemplate": "%{text}",
            "textfont": {"color": "#17141f"},
        }
    return trace


def _ticks(train: TrainConfig) -> Figure:
    return {"showgrid": False, "zeroline": False, **({"dtick": 1} if train.epochs <= 15 else {})}


def _plan_alt(plan: Sequence[Phase], rows: Sequence[str]) -> str:
    told = []
    for phase in plan[:4]:
        learning = [name for name, rate in zip(rows, phase.rates, strict=True) if rate]
        whom = "only the head" if learning == ["head"] else f"{learning[0]} to the head"
        told.append(f"epochs {phase.first_epoch} to {phase.last_epoch}: {whom}")
    more = f"; and {number_of(len(plan) - 4, 'phase')} more" if len(plan) > 4 else ""
    return (
        f"A grid of stages by epochs, frozen or learning. What learns in {'; '.join(told)}{more}."
    )
