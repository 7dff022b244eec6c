"""Learning curves of several runs in one chart, and accuracy against time and parameters."""

from collections.abc import Callable, Sequence

from tl_core.charts import CLASS_COLOURS, Chart, Figure, make_figure
from tl_core.charts.curve_axes import curve_layout, cut_off, epoch_axis, finite, series
from tl_core.charts.log_axis import log_axis
from tl_core.evaluation import wilson_interval
from tl_core.records import MetricPoint, Run
from tl_core.runs.cost import training_cost
from tl_core.text import count, duration, isolated, number_of, percent, plotly_text

# With seven colours, three dashes make 21 looks, and at most 20 runs are compared.
_DASHES = ("solid", "dash", "dot")
_SYMBOLS = ("circle", "square", "diamond", "cross", "x", "triangle-up", "star")
_HEIGHT = 400

Line = tuple[str, Sequence[MetricPoint]]
"""Label of a run, which is user text, and its measured points."""


def accuracy_curves(lines: Sequence[Line], epochs: int) -> Chart:
    """Draw validation accuracy by epoch.

    Args:
        epochs: largest number of epochs that any of the runs was to do.
    """
    curves = [(name, series(points, "val", "accuracy")) for name, points in lines]
    layout = curve_layout("Epoch", "Validation images right (%)")
    # Above 100, so that markers of a perfect epoch are not cut in half.
    layout["yaxis"] |= {"range": [0, 103], "ticksuffix": " %", "dtick": 25}
    layout["xaxis"] |= epoch_axis(max((len(points) for _, points in curves), default=0), epochs)
    traces = [
        _line(place, name, points, lambda p: finite(100 * p.value), lambda p: percent(p.value))
        for place, (name, points) in enumerate(curves)
    ]
    # With a NaN among the numbers, the result of `max` would depend on their order.
    values = [p.value for _, points in curves for p in points if finite(p.value) is not None]
    best = "no epoch has ended yet"
    if values:
        best = f"up to {percent(max(values))}{_of_images(curves)}"
    alt = _curves_alt("accuracy", curves, percent)
    return Chart(f"Validation accuracy: {best}", alt, make_figure(traces, layout), _HEIGHT)


def _of_images(curves: Sequence[Line]) -> str:
    """Return on how many images the shares were measured."""
    sizes = sorted({p.n for _, points in curves for p in points})
    if len(sizes) == 1:
        return f" of {number_of(sizes[0], 'image')}"
    return f" of {count(sizes[0])} to {sizes[-1]} images"


def _curves_alt(figure: str, curves: Sequence[Line], words: Callable[[float], str]) -> str:
    last = [f"{isolated(name)} {words(points[-1].value)}" for name, points in curves if points]
    return (
        f"Line chart of validation {figure} by epoch for {number_of(len(curves), 'run')}. "
        f"Last: {', '.join(last) or 'nothing'}."
    )


def loss_curves(lines: Sequence[Line], epochs: int) -> Chart:
    """Draw validation loss by epoch; the arguments are those of `accuracy_curves`."""
    curves = [(name, series(points, "val", "loss")) for name, points in lines]
    is_empty = not any(points for _, points in curves)
    layout = curve_layout("Epoch", "Validation loss (nats)", is_empty=is_empty)
    layout["yaxis"]["rangemode"] = "tozero"
    layout["xaxis"] |= epoch_axis(max((len(points) for _, points in curves), default=0), epochs)
    # One run that diverged would otherwise flatten the curves of all others.
    cut = cut_off(layout, [[p.value for p in points] for _, points in curves])
    traces = [
        _line(place, name, points, lambda p: finite(p.value), lambda p: f"{p.value:.3f}")
        for place, (name, points) in enumerate(curves)
    ]
    alt = _curves_alt("loss", curves, "{:.3f}".format)
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
    """Return colour, dash and symbol, which together tell twenty runs apart."""
    colour = CLASS_COLOURS[place % len(CLASS_COLOURS)]
    # Colours repeat after the last one, then with another dash.
    dash = _DASHES[place // len(CLASS_COLOURS) % len(_DASHES)]
    return {
        "type": "scatter",
        "name": plotly_text(name),
        "line": {"color": colour, "width": 2.2, "dash": dash},
        "marker": {"color": colour, "size": 8, "symbol": _SYMBOLS[place % len(_SYMBOLS)]},
        "showlegend": True,
    }


def cost_chart(runs: Sequence[Run], labels: dict[str, str]) -> Chart:
    """Draw test accuracy against the training cost of each run, in processor seconds."""
    places = [(run, training_cost(run)) for run in runs]
    words = {run.id: f"{duration(cost)} of a core" for run, cost in places if cost}
    title = "Processor time from an empty cache"
    return _costs(places, labels, title, words, against="training cost", tick=duration)


def weights_chart(runs: Sequence[Run], labels: dict[str, str]) -> Chart:
    """Draw test accuracy against the number of trainable parameters."""
    places = [(run, run.facts.trainable_parameters) for run in runs]
    words = {run.id: f"{count(n)} parameters" for run, n in places if n}
    title = "Trainable parameters"
    return _costs(places, labels, title, words, against="trainable parameters", tick=_short_count)


def _short_count(n: float) -> str:
    """Format a round number for an axis: `500`, `20 k`, `1 M`, `2.5 M`."""
    for unit, factor in (("M", 1e6), ("k", 1e3)):
        if n >= factor:
            return f"{n / factor:.3g} {unit}"
    return f"{n:.3g}"


def _costs(
    places: Sequence[tuple[Run, float | None]],
    labels: dict[str, str],
    x: str,
    words: dict[str, str],
    *,
    against: str,
    tick: Callable[[float], str],
) -> Chart:
    """Draw test accuracy against a cost.

    Args:
        places: runs with their cost, or None where it is unknown.
        labels: name of each run, by id.
        x: title of the axis.
        words: cost of each run with its unit, by id.
        against: the cost in the chart's title.
        tick: text of a number on the axis.
    """
    # A cost of 0 is left out as well: it has no place on a logarithmic axis.
    known = [(run, cost) for run, cost in places if cost and run.result]
    layout = curve_layout(x, "Test images right (%)", is_empty=not known)
    if known:
        # Training a head and training the whole backbone differ by orders of magnitude.
        layout["xaxis"] |= log_axis([cost for _, cost in known], tick)
        layout["yaxis"]["ticksuffix"] = " %"
    traces = [
        _point(place, run, cost, labels[run.id], words[run.id])
        for place, (run, cost) in enumerate(known)
    ]
    points = ", ".join(
        f"{isolated(labels[run.id])} {percent(run.result.accuracy)} with {words[run.id]}"
        for run, _ in known
    )
    title = f"Test accuracy against {against}; bars are 95 % intervals"
    alt = f"Scatter plot of test accuracy against {against}. {points or 'No run was tested'}."
    return Chart(title, alt, make_figure(traces, layout), _HEIGHT)


def _point(place: int, run: Run, cost: float, name: str, words: str) -> Figure:
    assert run.result
    value = run.result.accuracy
    n = run.result.n
    # Results hold the share; the interval needs the whole number of right answers behind it.
    low, high = wilson_interval(round(value * n), n)
    return {
        **_look(place, name),
        "x": [cost],
        "y": [100 * value],
        "error_y": {
            "type": "data",
            # A Wilson interval is not symmetric around the share.
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
