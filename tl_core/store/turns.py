"""Order of a queue in which people take turns, however many runs each of them has waiting.

Whoever has waited longest since their last turn goes next, with the first of their runs. So each of
the others has one turn at most between two runs of one person. A run that was moved to the front
goes before all of these, and counts as a turn.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """Place of a run in the queue."""

    run_id: str
    """Empty for a run of somebody else, and for one that is only thought of."""
    owner: str
    """Id of the person it belongs to; empty likewise, and for the operator."""
    rests: bool = False
    """Marks that it waits in any case, since the training time of its owner is used up."""


@dataclass(frozen=True, slots=True)
class Entry(Waiting):
    """Run in the queue, with what decides about its place."""

    rank: float = 0.0
    """Place among the runs of the same person: the lowest goes first."""
    urgency: int = 0
    """Above 0 for a run that goes before everyone's others, the highest first."""


LAST = math.inf
"""Rank of a run that would be queued now."""


def in_turn(queue: Iterable[Entry], turns: Mapping[str, int]) -> list[Entry]:
    """Return the runs in the order in which they are taken.

    Args:
        queue: runs that wait, in any order.
        turns: number of the last turn of each person who had one.
    """
    by_rank = sorted(queue, key=lambda entry: (-entry.urgency, entry.rank))
    order = [entry for entry in by_rank if entry.urgency]
    last_turns = dict(turns)
    turn = max(last_turns.values(), default=0)
    for entry in order:
        turn += 1
        last_turns[entry.owner] = turn
    lines: dict[str, deque[Entry]] = {}
    for entry in by_rank[len(order) :]:
        lines.setdefault(entry.owner, deque()).append(entry)
    nexts = [(last_turns.get(owner, 0), line[0].rank, owner) for owner, line in lines.items()]
    heapq.heapify(nexts)
    while nexts:
        _, _, owner = heapq.heappop(nexts)
        line = lines[owner]
        order.append(line.popleft())
        turn += 1
        if line:
            heapq.heappush(nexts, (turn, line[0].rank, owner))
    return order
