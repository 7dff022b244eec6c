"""Reliability diagram: accuracy by confidence."""

from collections.abc import Sequence

from tl_core.charts.chart import RIGHT, Chart, Figure, make_figure
from tl_core.evaluation import Bin
from tl_core.text import confidence, count, number_of, percent


def reliability_chart(bins: Sequence[Bin]) -> Chart:
    """Draw accuracy by confidence; a calibrated model lies on the diagonal."""
    texts = [
        f"Between {100 * b.low:.0f} and {100 * b.high:.0f} % sure: {number_of(b.n, 'image')}, "
        f"{percent(b.accuracy)} right, {confidence(b.confidence)} sure on average"
        for b in bins
    ]
    bars = {
        "type": "bar",
        "x": [50 * (b.low + b.high) for b in bins],
        "y": [100 * b.accuracy for b in bins],
        # Slightly narrower than the bin, so that neighbouring bars stay apart.
        "width": [96 * (b.high - b.low) for b in bins],
        "marker": {"color": RIGHT},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (b.interval[1] - b.accuracy) for b in bins],
            "arrayminus": [100 * (b.accuracy - b.interval[0]) for b in bins],
            "color": "@text",
            "thickness": 1,
        },
        "hoverinfo": "text",
        "hovertext": texts,
        "name": "Right",
    }
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 100],
        "y": [0, 100],
        "line": {"color": "@muted", "dash": "dash"},
        "hoverinfo": "skip",
        "name": "As sure as right",
    }
    # Above the bars: a bar of none right has no room inside.
    sizes = {
        "type": "scatter",
        "mode": "text",
        "x": bars["x"],
        "y": [107] * len(bins),
        "text": [count(b.n) for b in bins],
        "textfont": {"size": 11},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    n = sum(b.n for b in bins)
    title = (
        f"How often it is right, by how sure it is ({number_of(n, 'test image')}, how many in "
        "each bar is above it; lines are 95 % intervals)"
    )
    return Chart(
        title,
        f"Bar chart. {'. '.join(texts)}.",
        make_figure([bars, line, sizes], _layout()),
        height=340,
    )


def _layout() -> Figure:
    axis = {"zeroline": False, "tickvals": [0, 20, 40, 60, 80, 100]}
    return {
        "xaxis": axis | {"title": {"text": "How sure it says it is (%)"}, "range": [0, 101]},
        # There is room above 100 % for the counts.
        "yaxis": axis | {"title": {"text": "Right (%)"}, "range": [0, 113]},
        "showlegend": True,
        "uirevision": "keep",
    }
