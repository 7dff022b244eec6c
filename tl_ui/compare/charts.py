"""Curves of several runs laid over each other, and what accuracy costs in time and in weights that learn."""

from collections.abc import Callable, Sequence

from tl_core.charts import CLASS_COLOURS, Chart, Figure, make_figure
from tl_core.charts.curves import curve_layout, cut_off, epoch_axis, finite, series
from tl_core.evaluation import wilson_interval
from tl_core.records import MetricPoint, Run
from tl_core.runs.summary import seconds_taken
from tl_core.text import count, duration, isolated, number_of, percent, plotly_text

_DASHES = ("solid", "dash", "dot")
_SYMBOLS = ("circle", "square", "diamond", "cross", "x", "triangle-up", "star")
_HEIGHT = 400

Line = tuple[str, Sequence[MetricPoint]]
"""A run's label, which is user text, and its points."""


def accuracy_curves(lines: Sequence[Line], epochs: int) -> Chart:
    """Validation accuracy by epoch.

    Args:
        epochs: the most that any run was to do.
    """
    found = [(name, series(points, "val", "accuracy")) for name, points in lines]
    layout = curve_layout("Epoch", "Validation images right (%)")
    layout["yaxis"] |= {"range": [0, 103], "ticksuffix": " %", "dtick": 25}
    layout["xaxis"] |= epoch_axis(max((len(points) for _, points in found), default=0), epochs)
    traces = [
        _line(place, name, points, lambda p: finite(100 * p.value), lambda p: percent(p.value))
        for place, (name, points) in enumerate(found)
    ]
    values = [p.value for _, points in found for p in points if finite(p.value) is not None]
    best = (
        f"up to {percent(max(values))}{_of_images(found)}" if values else "no epoch has ended yet"
    )
    said = ", ".join(
        f"{isolated(name)} {percent(points[-1].value)}" for name, points in found if points
    )
    alt = f"Line chart of validation accuracy by epoch for {number_of(len(lines), 'run')}. Last: {said or 'nothing'}."
    return Chart(f"Validation accuracy: {best}", alt, make_figure(traces, layout), _HEIGHT)


def _of_images(found: Sequence[tuple[str, Sequence[MetricPoint]]]) -> str:
    """On how many images shares were measured."""
    sizes = sorted({p.n for _, points in found for p in points})
    return (
        f" of {number_of(sizes[0], 'image')}"
        if len(sizes) == 1
        else f" of {count(sizes[0])} to {sizes[-1]} images"
    )


def loss_curves(lines: Sequence[Line], epochs: int) -> Chart:
    """Validation loss by epoch. Args as of `accuracy_curves`."""
    found = [(name, series(points, "val", "loss")) for name, points in lines]
    layout = curve_layout(
        "Epoch", "Validation loss (nats)", is_empty=not any(points for _, points in found)
    )
    layout["yaxis"]["rangemode"] = "tozero"
    layout["xaxis"] |= epoch_axis(max((len(points) for _, points in found), default=0), epochs)
    cut = cut_off(layout, [[p.value for p in points] for _, points in found])
    traces = [
        _line(place, name, points, lambda p: finite(p.value), lambda p: f"{p.value:.3f}")
        for place, (name, points) in enumerate(found)
    ]
    said = ", ".join(f"{isolated(name)} {points[-1].value:.3f}" for name, points in found if points)
    alt = f"Line chart of validation loss by epoch for {number_of(len(lines), 'run')}. Last: {said or 'nothing'}."
    return Chart(f"Validation loss{cut}", alt, make_figure(traces, layout), _HEIGHT)


def _line(
    place: int,
    name: str,
    points: Sequence[MetricPoint],
    value: Callable[[MetricPoint], float | None],
    words: Callable[[MetricPoint], str],
) -> Figure:
    shown = plotly_text(name)
    return {
        **_look(place, name),
        "x": [p.epoch for p in points],
        "y": [value(p) for p in points],
        "mode": "lines+markers",
        "hoverinfo": "text",
        "hovertext": [
            f"{shown}<br>epoch {p.epoch}: {words(p)} of {number_of(p.n, 'image')}" for p in points
        ],
    }


def _look(place: int, name: str) -> Figure:
    """Colour, dash and symbol tell twenty runs apart."""
    colour = CLASS_COLOURS[place % len(CLASS_COLOURS)]
    return {
        "type": "scatter",
        "name": plotly_text(name),
        "line": {
            "color": colour,
            "width": 2.2,
            "dash": _DASHES[place // len(CLASS_COLOURS) % len(_DASHES)],
        },
        "marker": {"color": colour, "size": 8, "symbol": _SYMBOLS[place % len(_SYMBOLS)]},
        "showlegend": True,
    }


def time_chart(runs: Sequence[Run], labels: dict[str, str]) -> Chart:
    """Test accuracy against the seconds that a run took."""
    places = [(run, seconds_taken(run)) for run in runs]
    words = {run.id: duration(seconds) for run, seconds in places if seconds}
    return _costs(places, labels, "Seconds the run took", words, "time")


def weights_chart(runs: Sequence[Run], labels: dict[str, str]) -> Chart:
    """Test accuracy against the number of weights that learned."""
    places = [(run, run.facts.trainable_parameters) for run in runs]
    words = {run.id: f"{count(n)} weights" for run, n in places if n}
    return _costs(places, labels, "Weights that learn", words, "weights that learn")


def _costs(
    places: Sequence[tuple[Run, float | None]],
    labels: dict[str, str],
    x: str,
    words: dict[str, str],
    against: str,
) -> Chart:
    known = [(run, cost) for run, cost in places if cost and run.result]
    traces = [
        _point(place, run, cost, labels[run.id], words[run.id])
        for place, (run, cost) in enumerate(known)
    ]
    layout = curve_layout(x, "Test images right (%)", is_empty=not known)
    layout["xaxis"] |= {"type": "log"} if known else {}
    layout["yaxis"] |= {"ticksuffix": " %"} if known else {}
    said = ", ".join(
        f"{isolated(labels[run.id])} {percent(run.result.accuracy)} with {words[run.id]}"
        for run, _ in known
    )
    title = f"Test accuracy against {against}; bars are 95 % intervals"
    alt = f"Scatter plot of test accuracy against {against}. {said or 'No run was tested'}."
    return Chart(title, alt, make_figure(traces, layout), _HEIGHT)


def _point(place: int, run: Run, cost: float, name: str, words: str) -> Figure:
    assert run.result
    value, n = run.result.accuracy, run.result.n
    low, high = wilson_interval(round(value * n), n)
    return {
        **_look(place, name),
        "x": [cost],
        "y": [100 * value],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (high - value)],
            "arrayminus": [100 * (value - low)],
            "thickness": 1,
        },
        "mode": "markers",
        "hoverinfo": "text",
        "hovertext": [
            f"{plotly_text(name)}<br>{percent(value)} of {number_of(n, 'test image')}, {words}"
        ],
    }
