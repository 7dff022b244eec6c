"""When a run started and was resumed, in words; the first start stays known after a resume."""

from tl_core.records import Run
from tl_core.runs.summary import when


def first_start(run: Run) -> float | None:
    """Return when a run first started, in seconds since the epoch.

    Returns:
        None before that, and for a run that an old version resumed, which did not keep it.
    """
    if run.facts.first_started_at is not None:
        return run.facts.first_started_at
    return None if run.facts.resumed else run.started_at


def last_resume(run: Run) -> float | None:
    """Return when a run last went on after a resume, in seconds since the epoch; else None."""
    return None if run.started_at == first_start(run) else run.started_at


def resumed_words(run: Run, timezone: str | None, known: float | None = None) -> str:
    """Say when a run was last resumed, such as `resumed 06:19`; empty if it was not.

    Args:
        known: moment whose date is left out where the first start is not known.
    """
    resumed = last_resume(run)
    if resumed is None:
        return ""
    first = first_start(run)
    beside = known if first is None else first
    if beside is None:
        return f"resumed {when(resumed, timezone)}"
    return f"resumed {at(resumed, beside, timezone)}"


def at(timestamp: float, known: float, timezone: str | None) -> str:
    """Format a moment like `when`, without the date if that is the date of a `known` moment."""
    day, _, clock = when(timestamp, timezone).rpartition(", ")
    return clock if when(known, timezone).startswith(f"{day}, ") else f"{day}, {clock}"
