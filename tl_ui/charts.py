"""What every chart of the app looks like: plain Plotly figures, built from records.

Colours that depend on the theme are written `@text`, `@grid`, `@surface`, `@accent` and `@muted`; the component that
draws a chart puts the page's own in. User text goes through `plotly_text`, and never into a `hovertemplate`, where
`%{…}` would be filled in.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tl_core.records import Prediction
from tl_ui.text import count, number_of, percent, plotly_text, share, shorten

FROZEN = "#2b7bba"
"""Cool blue, always together with a lock and the word."""
TRAINABLE = "#d97706"
"""Warm orange, always together with the word."""
RIGHT = "#009e73"
WRONG = "#d55e00"
CLASS_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c")
"""Okabe and Ito's palette, told apart by colour-blind readers; without its yellow, which is lost on white."""

LABEL_LENGTH = 22
MAX_LABELLED_CLASSES = 20
MAX_OUTLINED_CLASSES = 30
MAX_BARS = 30

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    """A sentence with the figures in it. Plain text."""
    alt: str
    """What the chart shows, for those who do not see it. Plain text."""
    figure: Figure
    """`data` and `layout` as Plotly takes them."""
    height: int = 320
    """Pixels that suit it."""


def confusion_chart(
    predictions: Sequence[Prediction], classes: Sequence[str], where: str, *, normalise: bool = False
) -> Chart:
    """True classes in rows, answers in columns.

    Args:
        where: begins the title, such as "Validation after epoch 3".
        normalise: colour and label each cell by its share of the row instead of its count.
    """
    n = len(classes)
    counts = Counter((p.true, p.predicted) for p in predictions)
    totals = Counter(p.true for p in predictions)
    shares = [[counts[t, p] / max(1, totals[t]) for p in range(n)] for t in range(n)]
    cells = [[counts[t, p] for p in range(n)] for t in range(n)]
    trace: Figure = {
        "type": "heatmap",
        "z": shares if normalise else cells,
        "zmin": 0,
        "zmax": 1 if normalise else max((v for row in cells for v in row), default=0) or 1,
        "colorscale": [[0, "@surface"], [1, "@accent"]],
        "xgap": 1 if n <= MAX_OUTLINED_CLASSES else 0,
        "ygap": 1 if n <= MAX_OUTLINED_CLASSES else 0,
        "showscale": n > MAX_LABELLED_CLASSES,
        "colorbar": {"thickness": 10, "outlinewidth": 0, "tickformat": ".0%" if normalise else "d"},
        "hoverinfo": "text",
        "hovertext": _confusion_hover(classes, counts, totals),
    }
    if n <= MAX_LABELLED_CLASSES:
        trace["text"] = [[f"{100 * v:.0f} %" for v in row] for row in shares] if normalise else cells
        trace["texttemplate"] = "%{text}"
    return Chart(
        _confusion_title(predictions, where),
        _confusion_alt(predictions, classes, counts, where),
        make_figure([trace], _confusion_layout(classes)),
        height=min(720, 260 + 30 * n),
    )


def class_balance_chart(classes: Sequence[str], counts: Sequence[int], top: int = MAX_BARS) -> Chart:
    """How many images each class has, the largest first; of many classes only the first `top`."""
    order = sorted(range(len(classes)), key=lambda i: (-counts[i], classes[i]))[:top]
    left = len(classes) - len(order)
    title = f"{number_of(sum(counts), 'image')} in {number_of(len(classes), 'class', 'classes')}"
    if counts and min(counts) < max(counts):
        title += f", from {count(min(counts))} to {count(max(counts))} in each"
    title += f" (the {len(order)} largest are shown)" if left else ""
    alt = "Bar chart of images by class: " + ", ".join(f"{classes[i]} {count(counts[i])}" for i in order[:10])
    alt += f" and {count(len(classes) - 10)} more classes." if len(classes) > 10 else "."
    values = [counts[i] for i in order]
    return _bars(
        title,
        alt,
        names=[classes[i] for i in order],
        values=values,
        texts=[count(v) for v in values],
        unit="Images",
        colours=["@accent"] * len(order),
    )


def top_answers_chart(classes: Sequence[str], probabilities: Sequence[float], true: int | None = None) -> Chart:
    """The five likeliest classes and how confident the model is in each; the true one is marked where it is known."""
    order = sorted(range(len(classes)), key=lambda i: -probabilities[i])[:5]
    first = order[0]
    title = f"{percent(probabilities[first])} confident that this is {classes[first]}"
    names = [classes[i] for i in order]
    alt = "Bar chart of confidence: " + ", ".join(f"{classes[i]} {percent(probabilities[i])}" for i in order) + "."
    values = [100 * probabilities[i] for i in order]
    colours = ["@accent"] + ["@muted"] * (len(order) - 1)
    texts = [percent(probabilities[i]) + (" ✓ true class" if i == true else "") for i in order]
    chart = _bars(title, alt, names=names, values=values, texts=texts, unit="Confidence (%)", colours=colours)
    chart.figure["layout"]["xaxis"] |= {"range": [0, 150], "tickvals": [0, 25, 50, 75, 100]}
    return chart


def make_figure(traces: list[Figure], layout: Figure) -> Figure:
    return {"data": traces, "layout": layout}


def _confusion_hover(classes: Sequence[str], counts: Counter[Any], totals: Counter[int]) -> list[list[str]]:
    """With many classes only cells with something in them speak: most of 40,000 are empty."""
    names = [plotly_text(shorten(name, 80)) for name in classes]
    speaks_always = len(classes) <= MAX_OUTLINED_CLASSES

    def speak(true: int, answer: int) -> str:
        n, total = counts[true, answer], totals[true]
        if not (n or speaks_always):
            return ""
        word = "✓ right" if true == answer else "✗ wrong"
        part = f"{share(n, total)} ({percent(n / total)})" if total else "no images"
        return f"{word}<br>True: {names[true]}<br>Answer: {names[answer]}<br>{part}"

    return [[speak(true, answer) for answer in range(len(classes))] for true in range(len(classes))]


def _confusion_layout(classes: Sequence[str]) -> Figure:
    n = len(classes)
    labels = [plotly_text(shorten(name, LABEL_LENGTH)) for name in classes]
    axis = {"tickvals": list(range(n)), "ticktext": labels, "showgrid": False, "zeroline": False, "constrain": "domain"}
    diagonal = {"type": "rect", "line": {"color": "@text", "width": 1.5}, "fillcolor": "rgba(0,0,0,0)"}
    outlined = range(n) if n <= MAX_OUTLINED_CLASSES else ()
    return {
        # Slanted to the left, where there is room; to the right the last label would leave the page.
        "xaxis": axis | {"title": {"text": "Model's answer"}, **({"tickangle": -40} if n > 2 else {})},
        "yaxis": axis
        | {"title": {"text": "True class"}, "autorange": "reversed", "scaleanchor": "x", "constraintoward": "top"},
        # Right answers are outlined: told by shape, not by colour alone.
        "shapes": [diagonal | {"x0": i - 0.5, "x1": i + 0.5, "y0": i - 0.5, "y1": i + 0.5} for i in outlined],
        "showlegend": False,
        "uirevision": "keep",
    }


def _confusion_title(predictions: Sequence[Prediction], where: str) -> str:
    if not predictions:
        return f"{where}: nothing measured yet"
    right = sum(p.is_right for p in predictions)
    return f"{where}: {share(right, len(predictions))} images right ({percent(right / len(predictions))})"


def _confusion_alt(
    predictions: Sequence[Prediction], classes: Sequence[str], counts: Counter[tuple[int, int]], where: str
) -> str:
    text = f"Confusion matrix of {number_of(len(classes), 'class', 'classes')}. {_confusion_title(predictions, where)}."
    mistakes = [(pair, n) for pair, n in counts.most_common() if pair[0] != pair[1]][:3]
    if mistakes:
        named = ", ".join(f"{classes[true]} taken for {classes[answer]} ({n})" for (true, answer), n in mistakes)
        text += f" Most frequent mistakes: {named}."
    return text


def _bars(
    title: str,
    alt: str,
    *,
    names: list[str],
    values: Sequence[float],
    texts: list[str],
    unit: str,
    colours: list[str],
) -> Chart:
    places = list(range(len(names)))
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(values),
        "y": places,
        "text": texts,
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": colours},
        "hoverinfo": "text",
        "hovertext": [f"{plotly_text(name)}: {text}" for name, text in zip(names, texts, strict=True)],
    }
    layout = {
        "xaxis": {"title": {"text": unit}, "rangemode": "tozero", "zeroline": False},
        "yaxis": {
            "tickvals": places,
            "ticktext": [plotly_text(shorten(name, LABEL_LENGTH)) for name in names],
            "autorange": "reversed",
            "showgrid": False,
        },
        "showlegend": False,
        "bargap": 0.25,
        "uirevision": "keep",
    }
    return Chart(title, alt, make_figure([trace], layout), height=90 + 26 * len(names))
