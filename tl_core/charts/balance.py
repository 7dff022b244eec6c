"""Class balance: the number of images of each class, as a sentence or as a chart."""

from collections.abc import Sequence

from tl_core.charts.chart import Chart, draw_bars
from tl_core.text import count, isolated, natural_key, number_of

MAX_BARS = 30
_BALANCED = 1.25
"""Largest ratio of two classes' sizes that a sentence tells as well as a chart."""


def is_balanced(counts: Sequence[int]) -> bool:
    """Return True if the classes are nearly equal, so that bars would show nothing."""
    # One image more or less is no difference worth a chart, however small the classes.
    return max(counts) <= max(_BALANCED * min(counts), min(counts) + 1)


def balance_words(counts: Sequence[int]) -> str:
    """Return the counts as a phrase: `242 images in 30 classes, from 3 to 14 in each`."""
    sizes = number_of(len(counts), "class", "classes")
    least = min(counts)
    most = max(counts)
    each = count(least) if least == most else f"from {count(least)} to {count(most)}"
    return f"{number_of(sum(counts), 'image')} in {sizes}, {each} in each"


def class_balance_chart(
    classes: Sequence[str], counts: Sequence[int], top: int = MAX_BARS
) -> Chart:
    """Draw the number of images per class, the largest first.

    Of more than `top` classes the largest and the smallest are drawn: the extremes tell how uneven
    they are.
    """
    order = sorted(range(len(classes)), key=lambda i: (-counts[i], natural_key(classes[i])))
    title = balance_words(counts)
    if len(order) > top:
        ends = top // 2
        order = order[:ends] + order[-ends:]
        title += f" (the {ends} largest and the {ends} smallest are shown)"
    # A screen reader reads all of it aloud, hence ten classes at most.
    alt = "Bar chart of images by class: " + ", ".join(
        f"{isolated(classes[i])} {count(counts[i])}" for i in order[:10]
    )
    alt += f" and {count(len(classes) - 10)} more classes." if len(classes) > 10 else "."
    values = [counts[i] for i in order]
    return draw_bars(
        title,
        alt,
        names=[classes[i] for i in order],
        values=values,
        texts=[count(v) for v in values],
        unit="Images",
        colours=["@accent"] * len(order),
    )
