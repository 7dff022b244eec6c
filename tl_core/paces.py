"""Paces: what the parts of past runs took on this machine, kept on disk for later estimates."""

import json
import statistics
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from tl_core.files import write_whole
from tl_core.locks import hold_lock

_FILE = "paces.json"
_MOST_KEPT = 7
"""Measurements kept of each part; the machine or its libraries may change."""

_Measured = tuple[float, float | None, float]
"""Fields of a `Cost`; JSON makes a list of it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Measured cost of a part of a run, in total or for each image."""

    processor: float
    """Processor seconds, summed over the cores, which other programs hardly change. On a GPU,
    whose work no such clock counts, the seconds on the clock."""
    cores: float | None = None
    """Cores that the part used; None where others took so many that this says nothing."""
    waited: float = 0.0
    """Seconds without work, such as waiting for the disk."""

    def plus(self, other: "Cost") -> "Cost":
        """Return the cost of both, one after the other, with the cores of the longer one."""
        longer = self if self.processor >= other.processor else other
        return Cost(self.processor + other.processor, longer.cores, self.waited + other.waited)

    def per(self, n: float) -> "Cost":
        return Cost(self.processor / n, self.cores, self.waited / n)


@dataclass(frozen=True, slots=True)
class Pace:
    """Summary of the last measurements of one part."""

    processor: float
    """Median of the processor seconds."""
    cores: float | None
    """Cores that the part can use, if that is known: the most that it used."""
    waited: float
    """Median of the seconds without work."""
    n: int
    """Number of measurements."""
    spread: float
    """Ratio of the largest to the smallest processor time, without the most unusual one."""


class PaceBook:
    """Measurements of one installation and device, in a file that processes share."""

    def __init__(self, home: Path, device: str) -> None:
        """
        Args:
            home: folder of the file.
            device: title of the device that trains; each has measurements of its own.
        """
        self._path = home / _FILE
        self._device = device
        self._known = _read(self._path).get(device, {})

    def find(self, part: str) -> Pace | None:
        """Return the pace of a part; None if it was never measured."""
        measured = self._known.get(part)
        if not measured:
            return None
        costs = [Cost(*pair) for pair in measured]
        processor = sorted(cost.processor for cost in costs)
        # One of many may have met something unusual, such as a machine that was suspended.
        kept = processor if len(processor) < 4 else processor[:-1]
        return Pace(
            processor=statistics.median(processor),
            cores=max((cost.cores for cost in costs if cost.cores), default=None),
            waited=statistics.median(cost.waited for cost in costs),
            n=len(costs),
            spread=kept[-1] / kept[0] if kept[0] > 0 else 1.0,
        )

    def add(self, costs: Mapping[str, Cost]) -> None:
        """Store measurements by part. A disk that refuses is no reason to fail a run."""
        with suppress(OSError), hold_lock(self._path.with_suffix(".lock")):
            everything = _read(self._path)
            known = everything.setdefault(self._device, {})
            for part, cost in costs.items():
                recent = [*known.get(part, []), astuple(cost)]
                known[part] = recent[-_MOST_KEPT:]
            # Not durable: a lost measurement is simply made again.
            write_whole(self._path, json.dumps(everything, sort_keys=True), durable=False)
            self._known = known


def _read(path: Path) -> dict[str, dict[str, list[_Measured]]]:
    """Return all measurements by device and part; none if the file is missing or damaged."""
    try:
        paces: dict[str, dict[str, list[_Measured]]] = json.loads(path.read_text("utf-8"))
    # Broken JSON and broken UTF-8 both raise kinds of ValueError.
    except (OSError, ValueError):
        return {}
    return paces if isinstance(paces, dict) else {}
