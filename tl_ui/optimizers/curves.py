"""Curves of several runs that differ in their optimizer, laid over each other."""

import math
from collections.abc import Callable, Sequence

from tl_core.charts import CLASS_COLOURS, Chart, Figure, make_figure
from tl_core.charts.curves import curve_layout, cut_off, epoch_axis, finite, series, thinned
from tl_core.records import MetricPoint, Run
from tl_core.runs.summary import is_busy
from tl_core.text import number_of, percent
from tl_ui.train.widgets import choice_words

LOOKS: dict[str, tuple[str, str, str]] = {
    name: (colour, "solid" if place < 4 else "dot", symbol)
    for place, (name, colour, symbol) in enumerate(
        zip(
            ("gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"),
            (*CLASS_COLOURS, "@text"),
            (
                "circle",
                "square",
                "diamond",
                "cross",
                "circle-open",
                "square-open",
                "diamond-open",
                "x",
            ),
            strict=True,
        )
    )
}
"""Of each optimizer, in the order they are shown: colour, dash and marker. Dotted ones fit each weight's own step."""
_POINTS = 200
_HEIGHT = 460

Lines = Sequence[tuple[Run, Sequence[MetricPoint]]]


def losses_chart(lines: Lines) -> Chart:
    """Training loss over the epochs passed, smoothed over half an epoch."""
    curves = {run.config.train.optimizer: smoothed(run, points) for run, points in lines}
    layout = curve_layout(
        "Epochs passed", "Training loss (nats)", is_empty=not any(curves.values())
    )
    layout["yaxis"]["rangemode"] = "tozero"
    in_time = sorted((x, y) for curve in curves.values() for x, y in curve if y is not None)
    cut = cut_off(
        layout, [[y for _, y in in_time]]
    )  # as one line: an optimizer that runs away must not set the axis
    traces = [
        _trace(name, thinned(curve, _POINTS), mode="lines", hover="epoch %{x:.2f}: %{y:.3f}")
        for name, curve in curves.items()
    ]
    ends = {
        name: points[-1].value
        for name, points in _by_optimizer(lines, "train", "loss").items()
        if points
    }
    if not ends:
        title = "Training loss: no epoch has ended yet"
    else:
        shown = {
            name: round(value, 3) if math.isfinite(value) else math.inf
            for name, value in ends.items()
        }
        least, so_far = min(shown.values()), " so far" * any(is_busy(run) for run, _ in lines)
        title = (
            f"Training loss{so_far} is lowest with {_named(shown, least)} ({_loss_words(least)})"
        )
    said = ", ".join(f"{choice_words(name)} {value:.3f}" for name, value in ends.items())
    alt = f"Line chart of training loss by epoch for {number_of(len(lines), 'optimizer')}. Last: {said or 'nothing'}."
    return Chart(title + cut, alt, make_figure(traces, layout), _HEIGHT)


def accuracies_chart(lines: Lines) -> Chart:
    """Validation accuracy by epoch."""
    found = _by_optimizer(lines, "val", "accuracy")
    layout = curve_layout("Epoch", "Validation images right (%)")
    layout["yaxis"] |= {"range": [0, 103], "ticksuffix": " %", "dtick": 25}
    epochs = max((run.config.train.epochs for run, _ in lines), default=1)
    layout["xaxis"] |= epoch_axis(max(map(len, found.values()), default=0), epochs)
    traces = [
        _trace(
            name,
            [(p.epoch, finite(100 * p.value)) for p in points],
            mode="lines+markers",
            hover="epoch %{x}: %{y:.1f} %",
        )
        for name, points in found.items()
    ]
    ends = {name: points[-1].value for name, points in found.items() if points}
    title = "Validation accuracy: no epoch has ended yet"
    if ends:
        most = max(ends.values())
        n = next(points[-1].n for points in found.values() if points)
        title = f"Right on up to {percent(most)} of {number_of(n, 'validation image')}, with {_named(ends, most)}"
    said = ", ".join(f"{choice_words(name)} {percent(value)}" for name, value in ends.items())
    alt = f"Line chart of validation accuracy for {number_of(len(lines), 'optimizer')}. Last: {said or 'nothing'}."
    return Chart(title, alt, make_figure(traces, layout), _HEIGHT)


COMPARISON_CHARTS: dict[str, Callable[[Lines], Chart]] = {
    "loss": losses_chart,
    "accuracy": accuracies_chart,
}


def _loss_words(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "not a number"


def _named(ends: dict[str, float], best: float) -> str:
    """Those that share the best figure."""
    names = [choice_words(name) for name, value in ends.items() if value == best]
    return " and ".join(names) if len(names) < 3 else f"{len(names)} of them"


def _by_optimizer(lines: Lines, split: str, name: str) -> dict[str, list[MetricPoint]]:
    return {run.config.train.optimizer: series(points, split, name) for run, points in lines}


def smoothed(run: Run, points: Sequence[MetricPoint]) -> list[tuple[float, float | None]]:
    """(epochs passed, mean loss of the steps since half an epoch before); by epoch where an epoch is a single step."""
    steps, batches = _steps_per_epoch(run, points), series(points, "train", "batch_loss")
    curve, behind = [], 0
    for place, point in enumerate(batches):
        while batches[behind].step <= point.step - max(1, steps / 2):
            behind += 1
        window = batches[behind : place + 1]
        mean = sum(p.value * p.n for p in window) / sum(p.n for p in window)
        curve.append((point.step / steps, finite(mean)))
    return curve


def _steps_per_epoch(run: Run, points: Sequence[MetricPoint]) -> float:
    """As counted, once an epoch has ended; before that as it has to be."""
    if ended := series(points, "val", "loss"):
        return ended[-1].step / ended[-1].epoch
    train = run.config.train
    n = run.facts.splits.train if run.facts.splits else 0
    return (
        1.0
        if train.optimizer == "gd"
        else max(1, math.ceil(n / (train.images_per_batch * train.accumulate)))
    )


def _trace(
    name: str, curve: Sequence[tuple[float, float | None]], *, mode: str, hover: str
) -> Figure:
    colour, dash, symbol = LOOKS[name]
    return {
        "x": [x for x, _ in curve],
        "y": [y for _, y in curve],
        "name": choice_words(name),
        "uid": name,
        "mode": "markers" if len(curve) == 1 else mode,
        "line": {"color": colour, "width": 2.2, "dash": dash},
        "marker": {"color": colour, "size": 7, "symbol": symbol},
        "hovertemplate": f"{choice_words(name)}, {hover}<extra></extra>",
        "showlegend": True,
    }
