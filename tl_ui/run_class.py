"""One class on a run's page: its curves against all others, and its worst and best images."""

from collections.abc import Sequence

import streamlit as st

from tl_core.evaluation.ranking import Ranking, rank
from tl_core.records import Prediction, Run
from tl_ui.charts import Chart, Figure, make_figure
from tl_ui.components.live_chart import chart
from tl_ui.gallery import gallery_html
from tl_ui.run_images import gallery_item, images_of
from tl_ui.run_words import class_names
from tl_ui.text import GLOSSARY, literal, number_of, shorten

_SHOWN = 4
_HEIGHT = 300


def show_class(run: Run, predictions: Sequence[Prediction], what: str) -> None:
    """A class to choose, and what there is to see of it.

    Args:
        what: "test" or "validation".
    """
    names = class_names(run, len(predictions[0].probabilities))
    label = st.selectbox(
        "One class against all others",
        range(len(names)),
        index=None,
        key=f"class-{run.id}",
        format_func=lambda label: shorten(names[label], 60),
        placeholder="Choose a class",
        help="How well its probability sets the images of a class apart, and its best and worst images.",
    )
    if label is None:
        return
    ranking = rank(predictions, label)
    if ranking is None:
        st.markdown(f"The {what} set has images of one class only, or none of this one: there is nothing to set apart.")
    else:
        st.caption("Receiver operating characteristic", help=GLOSSARY["ROC AUC"])
        chart(roc_chart(ranking, what), key=f"roc-{run.id}-{label}")
        st.caption("Precision and recall", help=f"{GLOSSARY['precision']} {GLOSSARY['recall']}")
        chart(precision_recall_chart(ranking, what), key=f"pr-{run.id}-{label}")
    _show_images(run, predictions, label, names[label])


def _show_images(run: Run, predictions: Sequence[Prediction], label: int, name: str) -> None:
    own = sorted((p for p in predictions if p.true == label), key=lambda p: p.probabilities[label])
    images = images_of(run)
    if not own or not images:
        return
    words = f"images of **{literal(shorten(name, 60))}**"
    for heading, chosen in (("Worst", own[:_SHOWN]), ("Best", own[-_SHOWN:][::-1])):
        st.markdown(f"{heading} {words}, by the probability it gave to the true class")
        st.html(gallery_html([gallery_item(run, images, p.position, p) for p in chosen], side=110))


def roc_chart(ranking: Ranking, what: str) -> Chart:
    """Of a class's own images, how many are found, for how many of the others one has to put up with."""
    title = f"ROC AUC {ranking.auc:.3f} ({_counts(ranking, what)})"
    chance = _line([0, 1], [0, 1], "guessing", dash="dash", colour="@muted")
    hover = "%{y:.1f} % of its images found, with %{x:.1f} % of the others"
    curve = _line(*zip(*ranking.roc, strict=True), "this class", hover=hover)
    layout = _layout("Others called by it (%)", "Of its own, found (%)")
    return Chart(title, f"ROC curve. {title}.", make_figure([chance, curve], layout), _HEIGHT)


def precision_recall_chart(ranking: Ranking, what: str) -> Chart:
    """How many of the images that are called by the class really are of it, by how many of its own are found."""
    share = ranking.n / (ranking.n + ranking.n_others)
    title = f"Average precision {ranking.average_precision:.3f}; guessing would be {share:.3f}"
    chance = _line([0, 1], [share, share], "guessing", dash="dash", colour="@muted")
    hover = "%{x:.1f} % of its images found; %{y:.1f} % of those called by it are right"
    curve = _line(*zip(*ranking.precision_recall, strict=True), "this class", hover=hover)
    layout = _layout("Of its own, found: recall (%)", "Right of those: precision (%)")
    alt = f"Precision-recall curve. {title} ({_counts(ranking, what)})."
    return Chart(title, alt, make_figure([chance, curve], layout), _HEIGHT)


def _counts(ranking: Ranking, what: str) -> str:
    return f"{number_of(ranking.n, f'{what} image')} of it, {ranking.n_others} of others"


def _line(
    xs: Sequence[float],
    ys: Sequence[float],
    name: str,
    *,
    dash: str = "solid",
    colour: str = "@accent",
    hover: str = "",
) -> Figure:
    """Of shares, drawn as percentages."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [100 * x for x in xs],
        "y": [100 * y for y in ys],
        "name": name,
        "line": {"color": colour, "dash": dash, "width": 2.2 if hover else 1.4},
        **({"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}),
    }


def _layout(x: str, y: str) -> Figure:
    axis = {"range": [-2, 102], "zeroline": False, "dtick": 25}
    return {
        "xaxis": axis | {"title": {"text": x}},
        "yaxis": axis | {"title": {"text": y}},
        "showlegend": True,
        "uirevision": "keep",
    }
