"""Embedding maps as data: position, group and text of each point."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tl_core.charts import CLASS_COLOURS, RIGHT, WRONG
from tl_core.text import isolated, number_of, plotly_text, shorten

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon2")
"""Symbols; with the colours they distinguish 56 classes, after which the looks repeat."""
_MOST_NAMED = 5
COLOURINGS = {"true": "True label", "predicted": "Predicted label", "right": "Right or wrong"}


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    """User text."""
    colour: str
    symbol: str
    points: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PointMap:
    name: str
    """Identifier of the map; a selection belongs to one map."""
    title: str
    """Plain text, like `alt` and `texts`."""
    alt: str
    x: Sequence[float]
    y: Sequence[float]
    groups: tuple[Group, ...]
    texts: Sequence[str]
    """Caption of each point's image."""
    pictures: tuple[str, str, Sequence[str]] | None = None
    """Start and end that all thumbnail addresses share, and the middle of each point's."""
    bounds: tuple[tuple[float, float], tuple[float, float]] | None = None
    """Ranges of x and y; None fits them to the points."""

    def content(self) -> dict[str, Any]:
        """Return the map as the arguments of the component."""
        groups = [
            {
                "name": plotly_text(shorten(group.name, 22)),
                "colour": group.colour,
                "symbol": group.symbol,
                "points": list(group.points),
            }
            for group in self.groups
        ]
        pictures = None
        if self.pictures:
            before, after, names = self.pictures
            pictures = {"before": before, "after": after, "names": list(names)}
        return {
            "name": self.name,
            "title": self.title,
            "alt": self.alt,
            "x": list(self.x),
            "y": list(self.y),
            "groups": groups,
            "texts": [isolated(text) for text in self.texts],
            "pictures": pictures,
            "range": self.bounds,
        }


def by_class(labels: Sequence[int], classes: Sequence[str]) -> tuple[Group, ...]:
    """Group points by label; each group has its own colour and symbol."""
    members: dict[int, list[int]] = {}
    for i, label in enumerate(labels):
        members.setdefault(label, []).append(i)
    return tuple(
        # By label, not by order of appearance, so that a class looks alike in every map.
        Group(classes[label], *_look(label), tuple(points))
        for label, points in sorted(members.items())
    )


def by_right(is_right: Sequence[bool]) -> tuple[Group, ...]:
    """Group points by correctness, with the misclassified ones drawn on top."""
    right = tuple(i for i, ok in enumerate(is_right) if ok)
    wrong = tuple(i for i, ok in enumerate(is_right) if not ok)
    groups = (Group("✓ right", RIGHT, "circle-open", right), Group("✗ wrong", WRONG, "x", wrong))
    # An empty group would still stand in the legend.
    return tuple(group for group in groups if group.points)


def alt_words(groups: Sequence[Group], n: int) -> str:
    """Describe the map for screen readers."""
    sizes = Counter({group.name: len(group.points) for group in groups}).most_common()
    named = ", ".join(f"{isolated(name)} {size}" for name, size in sizes[:_MOST_NAMED])
    more = f" and {len(sizes) - _MOST_NAMED} more" if len(sizes) > _MOST_NAMED else ""
    return f"A point for each of {number_of(n, 'image')}: {named}{more}."


def bounds_of(
    maps: Sequence[Any], margin: float = 0.06
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return common ranges of x and y for several maps, arrays [N, 2]; None without points."""
    filled = [points for points in maps if len(points)]
    if not filled:
        return None
    low = [min(float(points[:, axis].min()) for points in filled) for axis in (0, 1)]
    high = [max(float(points[:, axis].max()) for points in filled) for axis in (0, 1)]
    # Points that all coincide must not give an empty range.
    room = [margin * ((b - a) or 1.0) for a, b in zip(low, high, strict=True)]
    return (low[0] - room[0], high[0] + room[0]), (low[1] - room[1], high[1] + room[1])


def _look(label: int) -> tuple[str, str]:
    # Colours change first, since they are easier to tell apart than symbols.
    rounds, colour = divmod(label, len(CLASS_COLOURS))
    return CLASS_COLOURS[colour], _SYMBOLS[rounds % len(_SYMBOLS)]
