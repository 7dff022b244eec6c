"""Maps of images as data: where each point lies, what it is coloured by, what is said of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tl_core.charts import CLASS_COLOURS, RIGHT, WRONG
from tl_core.text import isolated, number_of, plotly_text, shorten

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon2")
"""With the colours, they tell 56 classes apart; beyond that a class is known from its picture's caption."""
_MOST_NAMED = 5
COLOURINGS = {"true": "Class", "predicted": "Answer", "right": "Right or wrong"}


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
    """Of this very map: what was chosen on one is not chosen on another."""
    title: str
    """Plain text, as `alt` and `texts`."""
    alt: str
    x: Sequence[float]
    y: Sequence[float]
    groups: tuple[Group, ...]
    texts: Sequence[str]
    """Of each point, what stands below its picture."""
    pictures: tuple[str, str, Sequence[str]] | None = None
    """What a thumbnail's address begins and ends with, and what stands between, for each point."""
    bounds: tuple[tuple[float, float], tuple[float, float]] | None = None
    """Of x and of y; None lets the points decide."""

    def content(self) -> dict[str, Any]:
        """For the component."""
        groups = [
            {
                "name": plotly_text(shorten(g.name, 22)),
                "colour": g.colour,
                "symbol": g.symbol,
                "points": list(g.points),
            }
            for g in self.groups
        ]
        before, after, names = self.pictures or ("", "", ())
        return {
            "name": self.name,
            "title": self.title,
            "alt": self.alt,
            "x": list(self.x),
            "y": list(self.y),
            "groups": groups,
            "texts": [isolated(text) for text in self.texts],
            "pictures": {"before": before, "after": after, "names": list(names)}
            if self.pictures
            else None,
            "range": self.bounds,
        }


def by_class(labels: Sequence[int], classes: Sequence[str]) -> tuple[Group, ...]:
    """A group for every class there is, told apart by colour and shape."""
    places: dict[int, list[int]] = {}
    for i, label in enumerate(labels):
        places.setdefault(label, []).append(i)
    return tuple(
        Group(classes[label], *_look(label), tuple(points))
        for label, points in sorted(places.items())
    )


def by_right(is_right: Sequence[bool]) -> tuple[Group, ...]:
    """Wrong answers on top of right ones, told apart by shape as well."""
    right = tuple(i for i, ok in enumerate(is_right) if ok)
    wrong = tuple(i for i, ok in enumerate(is_right) if not ok)
    groups = (Group("✓ right", RIGHT, "circle-open", right), Group("✗ wrong", WRONG, "x", wrong))
    return tuple(group for group in groups if group.points)


def alt_words(groups: Sequence[Group], n: int) -> str:
    """What the map shows, for those who do not see it."""
    sizes = Counter({group.name: len(group.points) for group in groups}).most_common()
    named = ", ".join(f"{isolated(name)} {size}" for name, size in sizes[:_MOST_NAMED])
    more = f" and {len(sizes) - _MOST_NAMED} more" if len(sizes) > _MOST_NAMED else ""
    return f"A point for each of {number_of(n, 'image')}: {named}{more}."


def bounds_of(
    maps: Sequence[Any], margin: float = 0.06
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """That hold all points of several maps, arrays [N, 2]."""
    filled = [points for points in maps if len(points)]
    if not filled:
        return None
    low = [min(float(points[:, axis].min()) for points in filled) for axis in (0, 1)]
    high = [max(float(points[:, axis].max()) for points in filled) for axis in (0, 1)]
    room = [margin * ((b - a) or 1.0) for a, b in zip(low, high, strict=True)]
    return (low[0] - room[0], high[0] + room[0]), (low[1] - room[1], high[1] + room[1])


def _look(label: int) -> tuple[str, str]:
    return CLASS_COLOURS[label % len(CLASS_COLOURS)], _SYMBOLS[
        label // len(CLASS_COLOURS) % len(_SYMBOLS)
    ]
