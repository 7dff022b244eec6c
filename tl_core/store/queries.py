"""Choice of runs from a store, and their short records for lists, search and filters."""

from dataclasses import dataclass

from tl_core.records import RunState


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Choice of runs outside the bin; each field that is given narrows it."""

    owner: str | None = None
    """Id of the person they belong to; "" for the operator."""
    ids: tuple[str, ...] | None = None
    states: tuple[RunState, ...] | None = None
    dataset_id: str | None = None
    comparison: str | None = None
    """Identifier that the runs of one comparison of optimizers share; "" for runs of none."""
    is_compared: bool = False
    """Limits the choice to runs of any comparison."""
    has_learned: bool = False
    """Limits the choice to runs of which a model was kept."""
    is_favourite: bool = False
    """Limits the choice to favourites."""
    started_after: float | None = None
    """Seconds since the epoch."""
    limit: int | None = None
    """Most runs, of which the newest are taken."""


EVERY_RUN = RunQuery()


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Part of a run that lists are searched and ordered by; a tenth of the cost of `Run`."""

    id: str
    state: RunState
    dataset_id: str
    dataset_name: str
    """User text."""
    backbone: str
    """Name in the catalogue; may be user text."""
    title: str
    """User text, like the next two."""
    note: str
    tags: tuple[str, ...]
    is_favourite: bool
    val_accuracy: float | None
    """Validation accuracy at the best epoch."""
    test_accuracy: float | None
    owner: str
    """Id of the person it belongs to; empty for the operator."""


DAY = 86_400.0
"""Seconds within which training time counts against a limit."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Use that one person makes of what all share."""

    waiting_runs: int
    spent: tuple[tuple[float, float], ...]
    """Time of the end and seconds of each piece of training within the last day."""
    seconds_under_way: float
    """Seconds that their runs have taken which are going on."""
    images: int
    """Images of their datasets, without copies of shared ones and without the bin."""
    datasets: tuple[str, ...]
    """Ids of their datasets, also in the bin."""
    runs: tuple[str, ...]
    """Ids of their runs, also in the bin."""

    @property
    def seconds(self) -> float:
        """Seconds of training within the last day."""
        return self.seconds_under_way + sum(seconds for _, seconds in self.spent)

    def free_at(self, seconds: float, now: float) -> float:
        """Return the time from which on fewer than this many seconds count."""
        left = self.seconds
        for ended_at, spent in sorted(self.spent):
            if left < seconds:
                break
            left -= spent
            now = max(now, ended_at + DAY)
        return now
