"""Classical models side by side, as a chart."""

from collections.abc import Mapping, Sequence
from typing import Any

from tl_core.charts import Chart, make_figure
from tl_core.evaluation import wilson_interval
from tl_core.text import count, number_of, percent, plotly_text, shorten

_NAME_LENGTH = 34
_ROOMY = 55.0
"""Percent from which a bar has room for its figures, also on a phone."""


def probes_chart(found: Mapping[str, Any], beside: Sequence[tuple[str, float, int]] = ()) -> Chart:
    """A bar a model, the best on top, with its spread over the folds; below them what is shown beside.

    Args:
        found: as the command `probe` tells it.
        beside: (name, validation accuracy, number of images) of trained models.
    """
    ranked = sorted(found["results"], key=lambda result: -result["accuracy"])
    names = [result["title"] for result in ranked] + [name for name, _, _ in beside]
    values = [100 * result["accuracy"] for result in ranked] + [
        100 * share for _, share, _ in beside
    ]
    spreads = [100 * result["spread"] for result in ranked] + [0.0] * len(beside)
    texts = [f"{percent(r['accuracy'])} ± {100 * r['spread']:.1f}" for r in ranked]
    texts += [f"{percent(share)}, n = {count(n)}" for _, share, n in beside]
    places = list(range(len(names)))
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": places,
        "error_x": {"type": "data", "array": spreads, "color": "@text", "thickness": 1},
        "marker": {"color": [_colour(result) for result in ranked] + ["#d97706"] * len(beside)},
        "text": [
            text if value >= _ROOMY else "" for text, value in zip(texts, values, strict=True)
        ],
        "textposition": "inside",
        "insidetextanchor": "start",
        "textangle": 0,
        "hoverinfo": "text",
        "hovertext": [
            f"{plotly_text(name)}: {text}" for name, text in zip(names, texts, strict=True)
        ],
    }
    short = [place for place in places if values[place] < _ROOMY]
    behind = {
        "type": "scatter",
        "mode": "text",
        "x": [values[place] + spreads[place] + 1 for place in short],
        "y": short,
        "text": [texts[place] for place in short],
        "textposition": "middle right",
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": {"title": {"text": "Right (%)"}, "range": [0, 105], "zeroline": False},
        "yaxis": {
            "tickvals": places,
            "ticktext": [plotly_text(shorten(name, _NAME_LENGTH)) for name in names],
            "autorange": "reversed",
            "showgrid": False,
        },
        "showlegend": False,
        "bargap": 0.25,
        "uirevision": "keep",
    }
    best = ranked[0]
    n = number_of(found["n"], "image")
    title = f"{best['title']} is right on {percent(best['accuracy'])} (± {100 * best['spread']:.1f}), of {n}"
    alt = (
        "Bar chart: "
        + ", ".join(f"{name} {text}" for name, text in zip(names, texts, strict=True))
        + "."
    )
    return Chart(title, alt, make_figure([trace, behind], layout), height=110 + 34 * len(names))


def verdict(found: Mapping[str, Any], right: float, n: int) -> str:
    """Whether a classical model would do as well as a trained one, in words.

    Args:
        found: as the command `probe` tells it.
        right: share of `n` validation images that the trained model is right on.
    """
    best = max(found["results"], key=lambda result: float(result["accuracy"]))
    low, high = wilson_interval(round(right * n), n)
    own = f"{percent(right)} of {number_of(n, 'validation image')} (95 % interval {percent(low)} to {percent(high)})"
    theirs = f"{best['title']}, the best of them, is right on {percent(best['accuracy'])} in cross-validation"
    if best["accuracy"] < low:
        return f"**It seems not**: {theirs}, this run on {own}."
    if best["accuracy"] > high:
        return f"**It seems that it would do even better**: {theirs}, this run on {own}."
    return f"**It might**: {theirs}, and this run on {own}: no difference that these images could show."


def _colour(result: Mapping[str, Any]) -> str:
    return "@muted" if result["name"] == "majority" else "@accent"
