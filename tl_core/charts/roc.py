"""ROC and precision-recall curves of one class against all others."""

from collections.abc import Sequence

from tl_core.charts.chart import Chart, Figure, make_figure
from tl_core.evaluation.roc import Ranking
from tl_core.text import number_of

_HEIGHT = 300


def roc_chart(ranking: Ranking, what: str) -> Chart:
    """Draw the ROC curve: true-positive rate by false-positive rate."""
    title = f"ROC AUC {ranking.auc:.3f} ({_counts(ranking, what)})"
    chance = _line(((0, 0), (1, 1)), "guessing", dash="dash", colour="@muted")
    hover = "%{y:.1f} % of its images found, with %{x:.1f} % of the others"
    curve = _line(ranking.roc, "this class", hover=hover)
    layout = _layout("Others called by it (%)", "Of its own, found (%)")
    return Chart(title, f"ROC curve. {title}.", make_figure([chance, curve], layout), _HEIGHT)


def precision_recall_chart(ranking: Ranking, what: str) -> Chart:
    """Draw the precision-recall curve: precision by recall."""
    share = ranking.n / (ranking.n + ranking.n_others)
    found = f"Average precision {ranking.average_precision:.3f}; guessing would be {share:.3f}"
    title = f"{found} ({_counts(ranking, what)})"
    # A random ranking has the class's share as its precision at every recall.
    chance = _line(((0, share), (1, share)), "guessing", dash="dash", colour="@muted")
    hover = "%{x:.1f} % of its images found; %{y:.1f} % of those called by it are right"
    curve = _line(ranking.precision_recall, "this class", hover=hover)
    layout = _layout("Of its own, found: recall (%)", "Right of those: precision (%)")
    alt = f"Precision-recall curve. {title}."
    return Chart(title, alt, make_figure([chance, curve], layout), _HEIGHT)


def _counts(ranking: Ranking, what: str) -> str:
    return f"{number_of(ranking.n, f'{what} image')} of it, {ranking.n_others} of others"


def _line(
    points: Sequence[tuple[float, float]],
    name: str,
    *,
    dash: str = "solid",
    colour: str = "@accent",
    hover: str = "",
) -> Figure:
    """Return an axis of shares, labelled as percentages."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [100 * x for x, _ in points],
        "y": [100 * y for _, y in points],
        "name": name,
        "line": {"color": colour, "dash": dash, "width": 2.2 if hover else 1.4},
        **({"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}),
    }


def _layout(x: str, y: str) -> Figure:
    # A curve along the border would be half hidden.
    axis = {"range": [-2, 102], "zeroline": False, "dtick": 25}
    return {
        "xaxis": axis | {"title": {"text": x}},
        "yaxis": axis | {"title": {"text": y}},
        "showlegend": True,
        "uirevision": "keep",
    }
