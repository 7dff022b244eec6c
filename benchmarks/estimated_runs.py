"""Runs whose durations the benchmark `estimates` compares with what was told before."""

from dataclasses import dataclass
from typing import Any

PLAIN: dict[str, Any] = {"augment": "none"}
LAST_TWO = {**PLAIN, "frozen_stages": -2, "epochs": 2}
OTHER = {**PLAIN, "backbone": "squeezenet1_1", "pretrained": True}
SETS = {"small": ("hymenoptera", 20), "middle": ("trashnet", 30), "larger": ("sign_digits", 40)}
"""Dataset and images a class, by the name of the set."""


@dataclass(frozen=True)
class Group:
    """Runs that one process does one after the other."""

    dataset: str
    runs: tuple[tuple[str, dict[str, Any]], ...]
    at_once: int = 1
    """Processes that do the same at the same time, each with a seed of its own."""


GROUPS = (
    Group(
        "middle",
        (
            ("first ever", PLAIN),
            ("again, all cached", PLAIN),
            ("another seed", {**PLAIN, "seed": 5}),
            ("augmented", {}),
            ("augmented, again", {}),
            ("augmented, another seed", {"seed": 5}),
        ),
    ),
    Group(
        "middle",
        (
            ("last two stages learn", LAST_TWO),
            ("last two, again", LAST_TWO),
            ("last three learn", {**LAST_TWO, "frozen_stages": -3}),
            ("everything learns", {**PLAIN, "frozen_stages": 0, "epochs": 1, "image_size": 96}),
        ),
    ),
    Group(
        "small",
        (
            ("small dataset", PLAIN),
            ("small, more epochs", {**PLAIN, "epochs": 20}),
            ("small, other network", OTHER),
            ("small, other network, last two", {**OTHER, "frozen_stages": -2, "epochs": 2}),
        ),
    ),
    Group("larger", (("larger dataset", PLAIN), ("larger, again", PLAIN))),
    Group("larger", (("two at once", {"epochs": 3}), ("two at once, again", {"epochs": 3})), 2),
)
TINY = (
    Group("small", (("first ever", {"image_size": 64, **PLAIN}), ("again", {"image_size": 64}))),
)
