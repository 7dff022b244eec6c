"""How often answers are right, by how sure the model is."""

from collections.abc import Sequence

from tl_core.charts.chart import RIGHT, Chart, make_figure
from tl_core.evaluation import Bin
from tl_core.text import count, number_of, percent


def reliability_chart(bins: Sequence[Bin]) -> Chart:
    """How often answers are right, by how sure the model is; exact confidence would lie on the line."""
    texts = [
        f"Between {100 * b.low:.0f} and {100 * b.high:.0f} % sure: {number_of(b.n, 'image')}, "
        f"{percent(b.accuracy)} right, {percent(b.confidence)} sure on average"
        for b in bins
    ]
    bars = {
        "type": "bar",
        "x": [50 * (b.low + b.high) for b in bins],
        "y": [100 * b.accuracy for b in bins],
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
        "text": [f"n = {count(b.n)}" for b in bins],
        "textposition": "inside",
        "insidetextanchor": "start",
        "textangle": 0,
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
    layout = {
        "xaxis": {"title": {"text": "How sure it says it is (%)"}, "range": [0, 100], "zeroline": False},
        "yaxis": {"title": {"text": "Right (%)"}, "range": [0, 105], "zeroline": False},
        "showlegend": True,
        "uirevision": "keep",
    }
    n = sum(b.n for b in bins)
    title = f"How often it is right, by how sure it is ({number_of(n, 'test image')}; lines are 95 % intervals)"
    return Chart(title, f"Bar chart. {'. '.join(texts)}.", make_figure([bars, line], layout), height=340)
