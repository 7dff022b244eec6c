"""Learning curves of runs that differ only in their optimizer, in one chart."""

import math
from collections.abc import Callable, Sequence

from tl_core.charts import CLASS_COLOURS, Chart, Figure, make_figure
from tl_core.charts.curves import curve_layout, cut_off, epoch_axis, finite, series, thinned
from tl_core.records import MetricPoint, Run
from tl_core.runs.summary import is_busy
from tl_core.text import number_of, percent
from tl_ui.setting_labels import choice_words

_SOLID = {"gd": "circle", "sgd": "square", "momentum": "diamond", "nesterov": "cross"}
"""Markers of optimizers with one step size for all weights."""
_DOTTED = {
    "adagrad": "circle-open",
    "rmsprop": "square-open",
    "adam": "diamond-open",
    "adamw": "x",
}
"""Markers of adaptive optimizers, with a step size for each weight."""
# The palette has seven colours for eight optimizers, so the last takes that of the text.
LOOKS: dict[str, tuple[str, str, str]] = {
    name: (colour, "solid" if name in _SOLID else "dot", symbol)
    for (name, symbol), colour in zip(
        (_SOLID | _DOTTED).items(), (*CLASS_COLOURS, "@text"), strict=True
    )
}
"""Colour, dash and marker of each optimizer, in the order of display."""
_POINTS = 200
"""Most points of a loss curve."""
_HEIGHT = 460

Lines = Sequence[tuple[Run, Sequence[MetricPoint]]]


def losses_chart(lines: Lines) -> Chart:
    """Draw the training loss, smoothed over half an epoch, by epochs passed."""
    curves = {run.config.train.optimizer: smoothed(run, points) for run, points in lines}
    is_empty = not any(curves.values())
    layout = curve_layout("Epochs passed", "Training loss (nats)", is_empty=is_empty)
    layout["yaxis"]["rangemode"] = "tozero"
    in_time = sorted((x, y) for curve in curves.values() for x, y in curve if y is not None)
    # All curves count as one: an optimizer that diverges must not set the axis.
    cut = cut_off(layout, [[y for _, y in in_time]])
    traces = [
        _trace(name, thinned(curve, _POINTS), mode="lines", hover="epoch %{x:.2f}: %{y:.3f}")
        for name, curve in curves.items()
    ]
    last = _last_values(_by_optimizer(lines, "train", "loss"))
    title = _loss_title(last, so_far=any(is_busy(run) for run, _ in lines))
    alt = _alt(
        "training loss by epoch", lines, [f"{name} {value:.3f}" for name, value in _named(last)]
    )
    return Chart(title + cut, alt, make_figure(traces, layout), _HEIGHT)


def _loss_title(last: dict[str, float], *, so_far: bool) -> str:
    if not last:
        return "Training loss: no epoch has ended yet"
    # Rounded as in the title, so that losses that read the same are named together.
    shown = {
        name: round(value, 3) if math.isfinite(value) else math.inf for name, value in last.items()
    }
    least = min(shown.values())
    subject = "Training loss so far" if so_far else "Training loss"
    return f"{subject} is lowest with {_best_names(shown, least)} ({_loss_words(least)})"


def accuracies_chart(lines: Lines) -> Chart:
    """Draw the validation accuracy by epoch."""
    curves = _by_optimizer(lines, "val", "accuracy")
    layout = curve_layout("Epoch", "Validation images right (%)")
    # Above 100 % there is room for the markers.
    layout["yaxis"] |= {"range": [0, 103], "ticksuffix": " %", "dtick": 25}
    epochs = max((run.config.train.epochs for run, _ in lines), default=1)
    layout["xaxis"] |= epoch_axis(max(map(len, curves.values()), default=0), epochs)
    traces = [
        _trace(
            name,
            [(p.epoch, finite(100 * p.value)) for p in points],
            mode="lines+markers",
            hover="epoch %{x}: %{y:.1f} %",
        )
        for name, points in curves.items()
    ]
    last = _last_values(curves)
    title = "Validation accuracy: no epoch has ended yet"
    if last:
        most = max(last.values())
        n = next(points[-1].n for points in curves.values() if points)
        images = number_of(n, "validation image")
        title = f"Right on up to {percent(most)} of {images}, with {_best_names(last, most)}"
    alt = _alt(
        "validation accuracy", lines, [f"{name} {percent(value)}" for name, value in _named(last)]
    )
    return Chart(title, alt, make_figure(traces, layout), _HEIGHT)


COMPARISON_CHARTS: dict[str, Callable[[Lines], Chart]] = {
    "loss": losses_chart,
    "accuracy": accuracies_chart,
}


def _loss_words(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "not a number"


def _named(values: dict[str, float]) -> list[tuple[str, float]]:
    return [(choice_words(name), value) for name, value in values.items()]


def _best_names(values: dict[str, float], best: float) -> str:
    names = [name for name, value in _named(values) if value == best]
    return " and ".join(names) if len(names) < 3 else f"{len(names)} of them"


def _alt(subject: str, lines: Lines, last: Sequence[str]) -> str:
    optimizers = number_of(len(lines), "optimizer")
    return f"Line chart of {subject} for {optimizers}. Last: {', '.join(last) or 'nothing'}."


def _last_values(curves: dict[str, list[MetricPoint]]) -> dict[str, float]:
    return {name: points[-1].value for name, points in curves.items() if points}


def _by_optimizer(lines: Lines, split: str, name: str) -> dict[str, list[MetricPoint]]:
    return {run.config.train.optimizer: series(points, split, name) for run, points in lines}


def smoothed(run: Run, points: Sequence[MetricPoint]) -> list[tuple[float, float | None]]:
    """Return (epochs passed, mean loss over the last half epoch) for each step.

    Epochs of a single step are not averaged.
    """
    steps = _steps_per_epoch(run, points)
    batches = series(points, "train", "batch_loss")
    curve = []
    behind = 0
    for place, point in enumerate(batches):
        while batches[behind].step <= point.step - max(1, steps / 2):
            behind += 1
        window = batches[behind : place + 1]
        # Weighted, since the last batch of an epoch may be smaller.
        mean = sum(p.value * p.n for p in window) / sum(p.n for p in window)
        curve.append((point.step / steps, finite(mean)))
    return curve


def _steps_per_epoch(run: Run, points: Sequence[MetricPoint]) -> float:
    """Return the counted steps once an epoch has ended; before that, the expected ones."""
    if ended := series(points, "val", "loss"):
        return ended[-1].step / ended[-1].epoch
    train = run.config.train
    # Gradient descent takes one step an epoch, over all images.
    if train.optimizer == "gd":
        return 1.0
    n = run.facts.splits.train if run.facts.splits else 0
    return max(1, math.ceil(n / (train.images_per_batch * train.accumulate)))


def _trace(
    name: str, curve: Sequence[tuple[float, float | None]], *, mode: str, hover: str
) -> Figure:
    colour, dash, symbol = LOOKS[name]
    if len(curve) == 1:
        # A line of a single point would be invisible.
        mode = "markers"
    return {
        "x": [x for x, _ in curve],
        "y": [y for _, y in curve],
        "name": choice_words(name),
        # By its uid Plotly knows a trace again, and keeps it hidden where the reader hid it.
        "uid": name,
        "mode": mode,
        "line": {"color": colour, "width": 2.2, "dash": dash},
        "marker": {"color": colour, "size": 7, "symbol": symbol},
        "hovertemplate": f"{choice_words(name)}, {hover}<extra></extra>",
        "showlegend": True,
    }
