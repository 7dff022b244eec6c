"""Charts of learning rates: the schedule of a run, and the result of the learning-rate finder."""

import math
from collections.abc import Sequence

from tl_core.charts import TRAINABLE, Chart, Figure
from tl_core.config import RunConfig, TrainConfig
from tl_core.text import number_of


def rate_words(rate: float) -> str:
    """Return a rate with two significant figures, such as `0.0012` or `7.4e-5`."""
    return f"{rate:.2g}".replace("e-0", "e-")


def rate_chart(config: RunConfig, rates: Sequence[tuple[float, float]]) -> Chart:
    """Draw the head's learning rate over the run; the stages follow the same schedule."""
    highest = rate_words(max(rate for _, rate in rates))
    last = rate_words(rates[-1][1])
    trace = {
        "x": [passed for passed, _ in rates],
        "y": [rate for _, rate in rates],
        "mode": "lines",
        "line": {"color": TRAINABLE, "width": 2.4},
        "hovertemplate": "after %{x:.1f} epochs: %{y:.2g}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "Epochs passed"}, "zeroline": False, "rangemode": "tozero"},
        "yaxis": {
            "title": {"text": "Learning rate of the head"},
            "zeroline": False,
            "rangemode": "tozero",
        },
        "hovermode": "closest",
        "showlegend": False,
        "uirevision": "keep",
    }
    title = f"Learning rate of the head: {_course(config.train)}"
    alt = f"Line chart of the head's learning rate by epoch, highest {highest}, last {last}."
    return Chart(title, alt, {"data": [trace], "layout": layout}, height=280)


def _course(train: TrainConfig) -> str:
    if train.schedule == "plateau":
        return "steady, until validation stops improving; when that will be cannot be known before"
    if train.schedule == "one-cycle":
        return "up over the first third, then down to nearly nothing"
    after = {
        "constant": "the same to the end",
        "step": f"times {train.decay:g} every {number_of(train.step_epochs, 'epoch')}",
        "exponential": f"times {train.decay:g} over each epoch",
        "cosine": "down along a cosine",
    }[train.schedule]
    return f"warms up, then {after}" if train.warm_up else after


def finding_chart(
    rates: Sequence[float], losses: Sequence[float], suggestion: float | None
) -> Chart:
    """Draw the learning-rate finder's result: loss over a rising rate, and the suggested rate."""
    # A loss that diverges ends in NaN, which JSON cannot hold.
    pairs = [(rate, loss) for rate, loss in zip(rates, losses, strict=True) if math.isfinite(loss)]
    trace = {
        "x": [rate for rate, _ in pairs],
        "y": [loss for _, loss in pairs],
        "mode": "lines",
        "line": {"color": "@accent", "width": 2.4},
        "hovertemplate": "rate %{x:.2g}: loss %{y:.3f}<extra></extra>",
    }
    layout: Figure = {
        "xaxis": {
            "title": {"text": "Learning rate of the head"},
            "type": "log",
            "exponentformat": "power",
            # On a logarithmic axis this is a tick for each power of ten.
            "dtick": 1,
        },
        "yaxis": {"title": {"text": "Loss (nats), smoothed"}, "zeroline": False},
        "hovermode": "closest",
        "showlegend": False,
        "uirevision": "keep",
    }
    title = "No learning rate stood out"
    if suggestion:
        title = f"Suggested learning rate of the head: {rate_words(suggestion)}"
        layout |= _suggestion_mark(suggestion)
    alt = f"Line chart of the loss over {number_of(len(pairs), 'learning rate')}. {title}."
    return Chart(title, alt, {"data": [trace], "layout": layout}, height=300)


def _suggestion_mark(suggestion: float) -> Figure:
    """Return a labelled vertical line as part of a layout."""
    line = {"color": TRAINABLE, "width": 2, "dash": "dash"}
    ends = {"x0": suggestion, "x1": suggestion, "y0": 0, "y1": 1, "yref": "paper"}
    # Plotly takes the logarithm as position of an annotation on a log axis, but not of a shape.
    place = {"x": math.log10(suggestion), "y": 1, "yref": "paper"}
    anchor = {"xanchor": "right", "yanchor": "top", "showarrow": False}
    return {
        "shapes": [{"type": "line", **ends, "line": line}],
        "annotations": [{**place, **anchor, "text": f"suggested: {rate_words(suggestion)} "}],
    }
