"""Preview of learning: validation accuracy by the number of training images."""

from collections.abc import Sequence

from tl_core.charts.chart import Chart, Figure, make_figure
from tl_core.charts.curve_axes import curve_layout, series
from tl_core.evaluation.intervals import Interval, wilson_interval
from tl_core.records import PREVIEW, MetricPoint
from tl_core.text import count, number_of, percent


def preview_chart(points: Sequence[MetricPoint], n_train: int) -> Chart:
    """Draw the accuracy of the classifiers of the preview, each with its 95 % interval.

    Args:
        points: metrics of the run; those of the preview are drawn.
        n_train: training images of the run, for the axis; 0 if not known.
    """
    fits = series(points, PREVIEW, "accuracy")
    layout = curve_layout("Training images so far", "Validation images right (%)")
    layout["yaxis"] |= {"range": [0, 103], "ticksuffix": " %", "dtick": 25}
    most = max([n_train, *(fit.step for fit in fits)]) or 1
    layout["xaxis"]["range"] = [0, 1.04 * most]
    layout["showlegend"] = False
    if not fits:
        return Chart(
            "Preview: nothing fitted yet",
            "An empty chart of validation accuracy by number of training images.",
            make_figure([], layout),
        )
    last = fits[-1]
    low, high = _interval(last)
    reached = (
        f"right on {percent(last.value)} of {number_of(last.n, 'validation image')} "
        f"({100 * low:.0f}–{100 * high:.0f} %)"
    )
    of_all = f" of {count(n_train)}" if n_train > last.step else ""
    learned = f"{count(last.step)}{of_all} training {'image' if last.step == 1 else 'images'}"
    alt = (
        f"Line chart of validation accuracy by number of training images, with 95 % intervals, in "
        f"{number_of(len(fits), 'fit')}: from {percent(fits[0].value)} with "
        f"{count(fits[0].step)} to {percent(last.value)} with {count(last.step)}."
    )
    figure = make_figure([_line(fits)], layout)
    return Chart(f"Preview: {reached} after {learned}", alt, figure)


def _interval(fit: MetricPoint) -> Interval:
    return wilson_interval(fit.value * fit.n, fit.n)


def _line(fits: Sequence[MetricPoint]) -> Figure:
    intervals = [_interval(fit) for fit in fits]
    return {
        "x": [fit.step for fit in fits],
        "y": [100 * fit.value for fit in fits],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [
                100 * (high - fit.value) for fit, (_, high) in zip(fits, intervals, strict=True)
            ],
            "arrayminus": [
                100 * (fit.value - low) for fit, (low, _) in zip(fits, intervals, strict=True)
            ],
            "color": "@muted",
            "thickness": 1,
            "width": 2,
        },
        "customdata": [
            [fit.n, f"{100 * low:.0f}–{100 * high:.0f}"]
            for fit, (low, high) in zip(fits, intervals, strict=True)
        ],
        "uid": "preview",
        "mode": "lines+markers",
        "line": {"color": "@accent", "width": 2.2, "dash": "dash"},
        "marker": {"color": "@accent", "size": 6, "symbol": "diamond-open"},
        "hovertemplate": "%{x} training images: %{y:.1f} % (%{customdata[1]} %) of "
        "%{customdata[0]} validation images<extra></extra>",
    }
