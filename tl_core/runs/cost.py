"""Cost of training a run, comparable between runs, and what its time on the clock depended on."""

from tl_core.records import Run
from tl_core.text import percent

_BUSY = 0.1
"""Share of a machine that others may take before it is called busy."""


def training_cost(run: Run) -> float | None:
    """Return the processor seconds of a run as if it had begun with an empty cache.

    Other programs make a run longer on the clock, but hardly add to its processor time. On a GPU it
    is the time on the clock. None for old runs, and where the cache saved an unknown part.
    """
    facts = run.facts
    if not facts.processor_seconds or facts.processor_saved is None:
        return None
    # A continued run took over what an earlier one had trained, and of a run that was interrupted
    # the cost may have been lost with its process.
    if facts.continues or facts.resumed:
        return None
    return sum(facts.processor_seconds.values()) + facts.processor_saved


def circumstances(run: Run) -> list[str]:
    """Say in clauses, after "it took", why a run's time on the clock is not that of its work."""
    found = []
    rows = run.facts.cached_rows
    if rows and rows.found:
        part = "all" if rows.found == rows.needed else percent(rows.found / rows.needed)
        found.append(f"less time, because an earlier run had already prepared {part} of its images")
    others = run.facts.others_share
    if others is not None and others > _BUSY:
        found.append(
            f"more time, because other programs took {100 * others:.0f} % of the computer's "
            "processor"
        )
    return found
