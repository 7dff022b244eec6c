"""Bar chart and verdict that compare classical models with a trained one."""

from collections.abc import Mapping, Sequence
from typing import Any

from tl_core.charts import Chart, make_figure
from tl_core.evaluation import wilson_interval
from tl_core.text import count, number_of, percent, plotly_text, shorten

_NAME_LENGTH = 34
_ROOMY = 55.0
"""Accuracy from which a bar has room for its label even on a phone, in percent."""


def probes_chart(found: Mapping[str, Any], beside: Sequence[tuple[str, float, int]] = ()) -> Chart:
    """Draw a bar for each classical model, the best on top, then one for each trained model.

    Error bars are the standard deviation over the folds; for a trained model, Wilson's interval.

    Args:
        found: result of the command `probe`.
        beside: (name, validation accuracy, number of images) of trained models.
    """
    ranked = sorted(found["results"], key=lambda result: -result["accuracy"])
    names = [result["title"] for result in ranked] + [name for name, _, _ in beside]
    values = [100 * result["accuracy"] for result in ranked]
    values += [100 * share for _, share, _ in beside]
    below, above = _error_bars(ranked, beside)
    texts = [f"{percent(r['accuracy'])} ± {100 * r['spread']:.1f}" for r in ranked]
    texts += [_text(share, n) for _, share, n in beside]
    # Bars stand at numbers, since Plotly lays bars of the same name over each other.
    places = list(range(len(names)))
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": places,
        "error_x": {
            "type": "data",
            # A Wilson interval is not symmetric around the share.
            "symmetric": False,
            "array": above,
            "arrayminus": below,
            "color": "@text",
            "thickness": 1,
        },
        "marker": {"color": [_colour(result) for result in ranked] + ["#d97706"] * len(beside)},
        "text": [texts[place] if values[place] >= _ROOMY else "" for place in places],
        "textposition": "inside",
        "insidetextanchor": "start",
        # Plotly would otherwise turn a label that does not fit.
        "textangle": 0,
        "hoverinfo": "text",
        "hovertext": [f"{plotly_text(names[place])}: {texts[place]}" for place in places],
    }
    # A label that does not fit into its bar stands beside it.
    short = [place for place in places if values[place] < _ROOMY]
    beside_bars = {
        "type": "scatter",
        "mode": "text",
        "x": [values[place] + above[place] + 3 for place in short],
        "y": short,
        "text": [texts[place] for place in short],
        "textposition": "middle right",
        "hoverinfo": "skip",
    }
    title = f"{names[0]} is right on {texts[0]} of {number_of(found['n'], 'image')}"
    if beside:
        title += "; the line of a trained model is its 95 % interval"
    bars = ", ".join(f"{name} {text}" for name, text in zip(names, texts, strict=True))
    alt = f"Bar chart: {bars}."
    return Chart(
        title, alt, make_figure([trace, beside_bars], _layout(names)), height=110 + 34 * len(names)
    )


def _error_bars(
    ranked: Sequence[Mapping[str, Any]], beside: Sequence[tuple[str, float, int]]
) -> tuple[list[float], list[float]]:
    """Return the lengths of the error bars below and above each bar, in percent."""
    spreads = [100 * float(result["spread"]) for result in ranked]
    intervals = [wilson_interval(round(share * n), n) for _, share, n in beside]
    shares = [share for _, share, _ in beside]
    below = [100 * (share - low) for share, (low, _) in zip(shares, intervals, strict=True)]
    above = [100 * (high - share) for share, (_, high) in zip(shares, intervals, strict=True)]
    return [*spreads, *below], [*spreads, *above]


def _text(share: float, n: int) -> str:
    """Return the label of a trained model: its accuracy, the 95 % interval and n."""
    low, high = wilson_interval(round(share * n), n)
    return f"{percent(share)} ({100 * low:.0f}–{100 * high:.0f} %), n = {count(n)}"


def verdict(found: Mapping[str, Any], right: float, n: int) -> str:
    """Say whether a classical model would do as well as a trained one.

    It compares the best cross-validated accuracy with the trained model's 95 % Wilson interval.

    Args:
        found: result of the command `probe`.
        right: accuracy of the trained model on `n` validation images.
    """
    best = max(found["results"], key=lambda result: float(result["accuracy"]))
    low, high = wilson_interval(round(right * n), n)
    own = (
        f"{percent(right)} of {number_of(n, 'validation image')} "
        f"(95 % interval {percent(low)} to {percent(high)})"
    )
    theirs = (
        f"{best['title']}, the best of them, is right on {percent(best['accuracy'])} "
        "in cross-validation"
    )
    if best["accuracy"] < low:
        return f"**It seems not**: {theirs}, this run on {own}."
    if best["accuracy"] > high:
        return f"**It seems that it would do even better**: {theirs}, this run on {own}."
    return (
        f"**It might**: {theirs}, this run on {own}. "
        "With this many images, the difference is not significant."
    )


def _layout(names: Sequence[str]) -> dict[str, Any]:
    return {
        # Beyond 100 there is room for error bars.
        "xaxis": {"title": {"text": "Accuracy (%)"}, "range": [0, 105], "zeroline": False},
        "yaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": [plotly_text(shorten(name, _NAME_LENGTH)) for name in names],
            # Plotly counts from the bottom, but the best stands on top.
            "autorange": "reversed",
            "showgrid": False,
        },
        "showlegend": False,
        "bargap": 0.25,
        "uirevision": "keep",
    }


def _colour(result: Mapping[str, Any]) -> str:
    return "@muted" if result["name"] == "majority" else "@accent"
