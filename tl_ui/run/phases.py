"""Phases of a run's training in words: frozen stages and learning rates."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from tl_core.backbones import anatomy, get_backbone
from tl_core.charts.curves import Border
from tl_core.errors import TransferLabError
from tl_core.facts import PlannedPhase
from tl_core.records import Run
from tl_core.text import number_of

_MOST_NAMED = 3
"""Stages that are named in a chart; more have no room."""


def borders(run: Run) -> list[Border]:
    """Return where each phase after the first begins, and which stages it unfreezes."""
    plan = run.facts.plan
    if len(plan) < 2:
        return []
    names = _stage_names(run.config.model.backbone, run.config.model.image_size, plan[0].n_stages)
    return [
        # Frozen stages are counted from the input, and a later phase freezes fewer.
        Border(after.first_epoch, _unfrozen(names[after.frozen_stages : before.frozen_stages]))
        for before, after in pairwise(plan)
    ]


def _unfrozen(names: Sequence[str]) -> str:
    if not names:
        return "next phase"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"unfrozen: {', '.join(names[-_MOST_NAMED:])}{more}"


@lru_cache(maxsize=32)
def _stage_names(backbone: str, image_size: int | None, n: int) -> list[str]:
    """Return the names of the backbone's n stages; numbers if it is unknown or has changed."""
    try:
        names = [stage.name for stage in anatomy(get_backbone(backbone), image_size).stages]
    except TransferLabError:
        names = []
    return names if len(names) == n else [f"stage {place + 1}" for place in range(n)]


def phase_rows(run: Run) -> list[tuple[str, str, str, str]]:
    """Return a row per phase: epochs, frozen stages, learning rates of head and stages."""
    # The last of a phase's rates is the head's, those before it are the stages'.
    return [
        (
            _epochs(phase),
            _frozen(phase),
            f"{phase.rates[-1]:.3g}",
            _stage_rates(phase.rates[:-1]),
        )
        for phase in run.facts.plan
    ]


def plan_sentence(run: Run) -> str:
    """Describe the plan of a run with exactly one phase in a sentence; empty for any other."""
    plan = run.facts.plan
    if len(plan) != 1:
        return ""
    stages = _stage_rates(plan[0].rates[:-1])
    learns = f"the stages that learn at {stages}" if stages != "–" else "no stage learns"
    head = f"{plan[0].rates[-1]:.3g}"
    return (
        f"One phase, {_epochs(plan[0])}: {_frozen(plan[0])} frozen; "
        f"the head learns at {head}, {learns}."
    )


def _epochs(phase: PlannedPhase) -> str:
    first = phase.first_epoch
    last = phase.last_epoch
    return f"epoch {first}" if first == last else f"epochs {first}–{last}"


def _frozen(phase: PlannedPhase) -> str:
    stages = number_of(phase.n_stages, "stage")
    frozen = phase.frozen_stages
    if not frozen:
        return "nothing"
    if frozen == phase.n_stages:
        return f"all {stages}"
    return f"the first {frozen} of {stages}"


def _stage_rates(rates: Sequence[float]) -> str:
    """Return the range of the rates above zero, such as `0.0002 to 0.001`; `–` if none learns."""
    learning = sorted({rate for rate in rates if rate})
    if not learning:
        return "–"
    low = f"{learning[0]:.2g}"
    high = f"{learning[-1]:.2g}"
    # Compared as they are shown, since close rates are rounded to the same digits.
    return high if low == high else f"{low} to {high}"
