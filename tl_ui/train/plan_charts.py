"""Chart of the training plan: which stage learns in which epoch, and at which rate."""

import math
from collections.abc import Sequence

from tl_core.charts import FROZEN, TRAINABLE, Chart, Figure
from tl_core.config import RunConfig, TrainConfig
from tl_core.text import number_of, plotly_text
from tl_core.training.plan import Phase
from tl_ui.train.rate_charts import rate_words

_PALE = "#fbdcae"
"""Colour of the lowest rate; the highest is the full orange."""
_MOST_LABELS = 240
"""Number of cells up to which each shows its rate as text."""
_PHASES_NAMED = 4
"""Number of phases in the description for screen readers."""


def plan_chart(
    config: RunConfig, plan: Sequence[Phase], stages: Sequence[str], rates: Sequence[float]
) -> Chart:
    """Draw a grid of the network's parts by epochs: a cell is frozen or has a learning rate.

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
                # Plotly counts from the bottom, but the input stands on top.
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
    height = 150 + 26 * len(rows)
    return Chart(plan_title(config, plan), _plan_alt(plan, rows), figure, height)


def cell_rates(plan: Sequence[Phase], rates: Sequence[float]) -> list[list[float | None]]:
    """Return mean learning rates [parts of the network, epochs]; None where a part is frozen."""
    # All parts follow the head's schedule, so their rates keep their ratio to the head's.
    columns = [
        [rate / phase.rates[-1] * rates[epoch - 1] if rate else None for rate in phase.rates]
        for phase in plan
        for epoch in range(phase.first_epoch, phase.last_epoch + 1)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def plan_title(config: RunConfig, plan: Sequence[Phase]) -> str:
    """Summarise the plan in one sentence."""
    train = config.train
    epochs = number_of(train.epochs, "epoch")
    n_stages = len(plan[0].rates) - 1
    if not config.model.pretrained:
        return f"Every stage learns from scratch for {epochs}"
    deep = _depth(n_stages - plan[-1].frozen.stages, n_stages)
    if len(plan) == 1:
        if plan[0].frozen.stages == n_stages:
            return f"The head alone learns for {epochs}"
        return f"The head and {deep} learn for {epochs}"
    alone = f"{number_of(plan[0].last_epoch, 'epoch')} of the head alone, then "
    if train.unfreeze == "two-phase":
        return f"{alone}{train.epochs - plan[0].last_epoch} with {deep}"
    every = "every epoch" if train.unfreeze_every == 1 else f"every {train.unfreeze_every} epochs"
    return f"{alone}one stage more {every}, until {deep} learn"


def _depth(learning: int, stages: int) -> str:
    if learning == stages:
        return f"all {stages} stages"
    return "the last stage" if learning == 1 else f"the last {learning} stages"


def _frozen_bars(cells: Sequence[Sequence[float | None]]) -> list[Figure]:
    """Return a trace with a hatched bar over each stretch of epochs in which a part is frozen."""
    stretches = [
        (row, *stretch) for row, rates in enumerate(cells) for stretch in _stretches(rates)
    ]
    if not stretches:
        return []
    # Bars, since the cells of a heat-map cannot be hatched.
    pattern = {
        "shape": "/",
        "bgcolor": FROZEN,
        "fgcolor": "rgba(255,255,255,.5)",
        "size": 7,
        "solidity": 0.25,
    }
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
            "marker": {"color": FROZEN, "pattern": pattern},
            "hoverinfo": "text",
            "hovertext": [f"frozen in epochs {first} to {last}" for _, first, last in stretches],
        }
    ]


def _stretches(rates: Sequence[float | None]) -> list[tuple[int, int]]:
    """Return (first, last) epoch of each frozen stretch."""
    stretches: list[tuple[int, int]] = []
    for epoch, rate in enumerate(rates, 1):
        if rate is not None:
            continue
        if stretches and stretches[-1][1] == epoch - 1:
            stretches[-1] = (stretches[-1][0], epoch)
        else:
            stretches.append((epoch, epoch))
    return stretches


def _learning_cells(cells: Sequence[Sequence[float | None]], rows: Sequence[str]) -> Figure:
    # Rates differ by orders of magnitude.
    learning = [math.log10(rate) for row in cells for rate in row if rate]
    high = max(learning)
    # At least a factor of ten: rates that are nearly equal must not look far apart.
    low = min(*learning, high - 1)
    epochs = len(cells[0])
    trace: Figure = {
        "type": "heatmap",
        "name": "learns, at this rate",
        "uid": "learns",
        "x": list(range(1, epochs + 1)),
        "y": list(range(len(rows))),
        "z": [[math.log10(rate) if rate else None for rate in row] for row in cells],
        "zmin": low,
        "zmax": high,
        "colorscale": [[0, _PALE], [1, TRAINABLE]],
        "showscale": False,
        "showlegend": True,
        # Gaps would swallow the narrow cells of many epochs.
        "xgap": 1 if epochs <= 60 else 0,
        "ygap": 2,
        "hoverinfo": "text",
        "hovertext": [
            [_cell_words(name, epoch, rate) for epoch, rate in enumerate(row, 1)]
            for name, row in zip(rows, cells, strict=True)
        ],
    }
    if epochs * len(rows) <= _MOST_LABELS:
        trace |= {
            "text": [[rate_words(rate) if rate else "" for rate in row] for row in cells],
            "texttemplate": "%{text}",
            # Dark in both themes, as the cells are light in both.
            "textfont": {"color": "#17141f"},
        }
    return trace


def _cell_words(name: str, epoch: int, rate: float | None) -> str:
    return f"{plotly_text(name)}, epoch {epoch}: {rate_words(rate)}" if rate else ""


def _ticks(train: TrainConfig) -> Figure:
    ticks: Figure = {"showgrid": False, "zeroline": False}
    if train.epochs <= 15:
        # Plotly would label halves of epochs.
        ticks["dtick"] = 1
    return ticks


def _plan_alt(plan: Sequence[Phase], rows: Sequence[str]) -> str:
    phases = []
    for phase in plan[:_PHASES_NAMED]:
        learning = [name for name, rate in zip(rows, phase.rates, strict=True) if rate]
        parts = "only the head" if learning == ["head"] else f"{learning[0]} to the head"
        phases.append(f"epochs {phase.first_epoch} to {phase.last_epoch}: {parts}")
    text = f"A grid of stages by epochs, frozen or learning. What learns in {'; '.join(phases)}"
    if len(plan) > _PHASES_NAMED:
        text += f"; and {number_of(len(plan) - _PHASES_NAMED, 'phase')} more"
    return f"{text}."
