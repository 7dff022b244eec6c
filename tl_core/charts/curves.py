"""Learning curves of a run: loss, accuracy and learning rate, with its phases."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tl_core.charts.chart import Chart, Figure, make_figure
from tl_core.charts.curve_axes import curve_layout, cut_off, epoch_axis, finite, series, thinned
from tl_core.evaluation.intervals import Interval, wilson_interval
from tl_core.records import MetricPoint
from tl_core.text import number_of, percent, plotly_text

_Value = Callable[[MetricPoint], float | None]


@dataclass(frozen=True, slots=True)
class Border:
    """Border between two phases of a run."""

    epoch: int
    """First epoch of the new phase."""
    words: str
    """Change at the border, such as "unfrozen: layer4". Plain text."""


def loss_chart(
    points: Sequence[MetricPoint], borders: Sequence[Border] = (), kept: int | None = None
) -> Chart:
    """Draw the loss by step: batches faint, epochs of training solid, of validation dashed.

    Args:
        kept: best epoch of a finished run, which the title names; else it names the last epoch.
    """
    train = series(points, "train", "loss")
    val = series(points, "val", "loss")
    batches = series(points, "train", "batch_loss")
    layout = curve_layout("Training step", "Loss (nats)", is_empty=not (batches or val))
    # An axis that begins elsewhere would make small changes look large.
    layout["yaxis"]["rangemode"] = "tozero"
    # Borders are known by epoch, but this axis counts steps.
    ends = {p.epoch: p.step for p in val}
    _mark(layout, [(ends[b.epoch - 1], b.words) for b in borders if b.epoch - 1 in ends])
    faint = {
        "x": [p.step for p in thinned(batches)],
        "y": [finite(p.value) for p in thinned(batches)],
        "name": "training, batch by batch",
        "uid": "batches",
        "mode": "lines",
        "opacity": 0.5,
        "line": {"color": "@accent", "width": 1.2},
        "hovertemplate": "step %{x}: %{y:.3f}<extra></extra>",
    }
    pair = _pair(
        train,
        val,
        x=lambda p: p.step,
        y=lambda p: finite(p.value),
        custom=lambda p: p.epoch,
        hover="epoch %{customdata}: %{y:.3f}",
    )
    title = _loss_title(batches, train, val, kept)
    title += cut_off(layout, [[p.value for p in one] for one in (batches, train, val)])
    return Chart(
        title, _loss_alt(train, val), make_figure([*([faint] if batches else []), *pair], layout)
    )


def accuracy_chart(
    points: Sequence[MetricPoint],
    borders: Sequence[Border] = (),
    epochs: int = 1,
    kept: int | None = None,
) -> Chart:
    """Draw the accuracy by epoch: training solid, validation dashed.

    Args:
        epochs: number of epochs of the run, for the axis of an empty chart.
        kept: see `loss_chart`.
    """
    train = series(points, "train", "accuracy")
    val = series(points, "val", "accuracy")
    layout = curve_layout("Epoch", "Images right (%)")
    # A little above 100 %, so that markers there are not cut in half.
    layout["yaxis"] |= {"range": [0, 103], "ticksuffix": " %", "dtick": 25}
    layout["xaxis"] |= epoch_axis(len(val), epochs)
    # Points stand at whole epochs, so the border lies before the first one of the new phase.
    _mark(layout, [(b.epoch - 0.5, b.words) for b in borders if val and b.epoch <= val[-1].epoch])
    traces = _pair(
        train,
        val,
        x=lambda p: p.epoch,
        y=lambda p: finite(100 * p.value),
        custom=lambda p: p.n,
        hover="epoch %{x}: %{y:.1f} % of %{customdata} images",
    )
    if not val:
        return Chart(
            "Accuracy: nothing measured yet",
            "An empty chart of accuracy by epoch.",
            make_figure(traces, layout),
        )
    # NaN compares false with every number, so `max` could return it. Of equal ones the kept one.
    best = max(val, key=lambda p: (finite(p.value) or 0, p.epoch == kept, -p.epoch))
    named = _of_epoch(val, kept)
    images = number_of(named.n, "validation image")
    low, high = _interval(named)
    title = (
        f"Right on {percent(named.value)} ({100 * low:.0f}–{100 * high:.0f} %) of {images} after "
        f"{_epoch(named, kept)}"
    )
    traces[-1]["error_y"] = _interval_bar(val, named)
    reached = "training accuracy was not measured"
    if train:
        reached = f"training reached {percent(train[-1].value)}"
    alt = (
        f"Line chart of accuracy by epoch. Validation went from {percent(val[0].value)} to "
        f"{percent(val[-1].value)} over {number_of(len(val), 'epoch')}, best "
        f"{percent(best.value)} at epoch {best.epoch}; {reached}."
    )
    # An empty line would still be named in the legend.
    return Chart(title, alt, make_figure([trace for trace in traces if trace["x"]], layout))


def _interval(point: MetricPoint) -> Interval:
    """Return the 95 % Wilson interval of an accuracy; that of 0 where it is no number."""
    return wilson_interval(round((finite(point.value) or 0.0) * point.n), point.n)


def _interval_bar(points: Sequence[MetricPoint], named: MetricPoint) -> Figure:
    """Return error bars of which only that of one epoch shows: all would hide the curve."""
    low, high = _interval(named)
    value = finite(named.value) or 0.0
    return {
        "type": "data",
        "symmetric": False,
        "array": [100 * (high - value) if point is named else 0 for point in points],
        "arrayminus": [100 * (value - low) if point is named else 0 for point in points],
        "thickness": 1.4,
    }


def learning_rate_chart(
    points: Sequence[MetricPoint], borders: Sequence[Border] = (), epochs: int = 1
) -> Chart:
    """Draw the head's learning rate at the end of each epoch."""
    rates = series(points, "train", "learning_rate")
    layout = curve_layout("Epoch", "Learning rate")
    layout["showlegend"] = False
    layout["xaxis"] |= epoch_axis(len(rates), epochs)
    # By default Plotly writes 0.0001 with a prefix, as 100μ.
    layout["yaxis"] |= {"rangemode": "tozero", "exponentformat": "power"}
    _mark(
        layout, [(b.epoch - 0.5, b.words) for b in borders if rates and b.epoch <= rates[-1].epoch]
    )
    trace = {
        "x": [p.epoch for p in rates],
        "y": [finite(p.value) for p in rates],
        "uid": "rate",
        "mode": "lines+markers",
        "line": {"color": "@accent", "width": 2.2},
        "marker": {"color": "@accent", "size": 7},
        "hovertemplate": "epoch %{x}: %{y:.3g}<extra></extra>",
    }
    if not rates:
        layout["yaxis"]["range"] = [0, 1]
        words = "Learning rate: nothing recorded yet"
        return Chart(
            words,
            "An empty chart of the learning rate by epoch.",
            make_figure([], layout),
            height=220,
        )
    said = f"{rates[0].value:.2g} at the end of epoch {rates[0].epoch}"
    if len(rates) > 1:
        said += f", {rates[-1].value:.2g} at the end of epoch {rates[-1].epoch}"
    alt = f"Line chart of the head's learning rate by epoch: {said}."
    return Chart(
        f"Learning rate of the head: {said}", alt, make_figure([trace], layout), height=240
    )


def _mark(layout: Figure, places: Sequence[tuple[float, str]]) -> None:
    """Draw a thin vertical line with its text for each border."""
    line = {
        "type": "line",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": "@muted", "width": 1, "dash": "dot"},
    }
    words = {
        "yref": "paper",
        "y": 1,
        "textangle": -90,
        "xanchor": "right",
        "yanchor": "top",
        "showarrow": False,
    }
    layout["shapes"] = [{**line, "x0": x, "x1": x} for x, _ in places]
    layout["annotations"] = [
        {**words, "x": x, "text": plotly_text(text), "font": {"size": 11}} for x, text in places
    ]


def _pair(
    train: list[MetricPoint],
    val: list[MetricPoint],
    *,
    x: _Value,
    y: _Value,
    custom: _Value,
    hover: str,
) -> list[Figure]:
    looks = (("training", train, "solid", "circle"), ("validation", val, "dash", "diamond-open"))
    return [
        {
            "x": [x(p) for p in points],
            "y": [y(p) for p in points],
            "customdata": [custom(p) for p in points],
            "name": name,
            # Plotly recognises by uid which lines the reader has switched off.
            "uid": name,
            "mode": "lines+markers",
            "line": {"color": "@accent", "width": 2.2, "dash": dash},
            "marker": {"color": "@accent", "size": 7, "symbol": symbol},
            "hovertemplate": f"{name}, {hover}<extra></extra>",
        }
        for name, points, dash, symbol in looks
    ]


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "not a number"
    return f"{value:.3f}" if abs(value) < 10_000 else f"{value:.3g}"


def _of_epoch(points: list[MetricPoint], kept: int | None) -> MetricPoint:
    """Return the value of the best epoch, or of the last if none was kept."""
    return next((point for point in points if point.epoch == kept), points[-1])


def _epoch(point: MetricPoint, kept: int | None) -> str:
    note = ", whose model was kept" if point.epoch == kept else ""
    return f"epoch {point.epoch}{note}"


def _loss_title(
    batches: list[MetricPoint], train: list[MetricPoint], val: list[MetricPoint], kept: int | None
) -> str:
    if train and val:
        in_training = _of_epoch(train, kept)
        in_validation = _of_epoch(val, kept)
        losses = (
            f"{_number(in_training.value)} in training, "
            f"{_number(in_validation.value)} in validation"
        )
        return f"Loss after {_epoch(in_validation, kept)}: {losses}"
    if batches:
        return f"Loss after {number_of(batches[-1].step, 'step')}: {_number(batches[-1].value)}"
    return "Loss: nothing measured yet"


def _loss_alt(train: list[MetricPoint], val: list[MetricPoint]) -> str:
    if not (train and val):
        return "Line chart of the loss by training step; no epoch has ended yet."
    lowest = min(val, key=lambda p: p.value if math.isfinite(p.value) else math.inf)
    return (
        f"Line chart of the loss by training step over {number_of(len(val), 'epoch')}. Training "
        f"went from {_number(train[0].value)} to {_number(train[-1].value)}, validation from "
        f"{_number(val[0].value)} to {_number(val[-1].value)}, lowest at epoch {lowest.epoch}."
    )
