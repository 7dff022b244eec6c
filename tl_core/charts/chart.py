"""Look of all charts: plain Plotly figures, built from records.

Colours of the theme are written `@text`, `@grid`, `@surface`, `@accent` and `@muted`; the component
that draws a chart replaces them. User text goes through `plotly_text`, and never into a
`hovertemplate`, where `%{…}` would be filled in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tl_core.text import confidence, isolated, plotly_text, shorten

FROZEN = "#2b7bba"
"""Colour of frozen parts, always shown with a lock and the word."""
TRAINABLE = "#d97706"
"""Colour of trainable parts, always shown with the word."""
RIGHT = "#009e73"
WRONG = "#d55e00"
CLASS_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c")
"""Colour-blind-safe palette of Okabe and Ito, without the yellow that is invisible on white."""

# Longer names would leave little room for the bars on a narrow page.
LABEL_LENGTH = 22

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    """Sentence with the figures in it, as plain text."""
    alt: str
    """Alternative text for people who cannot see the chart."""
    figure: Figure
    """Plotly figure: `data` and `layout`."""
    height: int = 320
    """Suggested height in pixels."""


def top_answers_chart(
    classes: Sequence[str], probabilities: Sequence[float], true: int | None = None
) -> Chart:
    """Draw the five most probable classes with their probabilities; mark the true one if known."""
    order = sorted(range(len(classes)), key=lambda i: -probabilities[i])[:5]
    first = order[0]
    title = f"{confidence(probabilities[first])} confident that this is {isolated(classes[first])}"
    names = [classes[i] for i in order]
    alt = (
        "Bar chart of confidence: "
        + ", ".join(f"{isolated(classes[i])} {confidence(probabilities[i])}" for i in order)
        + "."
    )
    values = [100 * probabilities[i] for i in order]
    colours = ["@accent"] + ["@muted"] * (len(order) - 1)
    texts = [confidence(probabilities[i]) + (" ✓ true class" if i == true else "") for i in order]
    chart = draw_bars(
        title, alt, names=names, values=values, texts=texts, unit="Confidence (%)", colours=colours
    )
    # The range goes beyond 100 % to leave room for the text behind the longest bar.
    chart.figure["layout"]["xaxis"] |= {"range": [0, 150], "tickvals": [0, 25, 50, 75, 100]}
    return chart


def make_figure(traces: list[Figure], layout: Figure) -> Figure:
    return {"data": traces, "layout": layout}


def draw_bars(
    title: str,
    alt: str,
    *,
    names: list[str],
    values: Sequence[float],
    texts: list[str],
    unit: str,
    colours: list[str],
) -> Chart:
    """Draw horizontal bars, the first at the top, each with its text behind it."""
    places = list(range(len(names)))
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(values),
        # Numbers and not names: bars whose names are shortened alike would become one.
        "y": places,
        "text": texts,
        "textposition": "outside",
        # The text of the longest bar may lie outside the axes and would be cut off.
        "cliponaxis": False,
        "marker": {"color": colours},
        "hoverinfo": "text",
        "hovertext": [
            f"{plotly_text(name)}: {text}" for name, text in zip(names, texts, strict=True)
        ],
    }
    layout = {
        "xaxis": {"title": {"text": unit}, "rangemode": "tozero", "zeroline": False},
        "yaxis": {
            "tickvals": places,
            "ticktext": [plotly_text(shorten(name, LABEL_LENGTH)) for name in names],
            # Plotly counts upwards, but the first bar belongs at the top.
            "autorange": "reversed",
            "showgrid": False,
        },
        "showlegend": False,
        "bargap": 0.25,
        "uirevision": "keep",
    }
    return Chart(title, alt, make_figure([trace], layout), height=90 + 26 * len(names))
