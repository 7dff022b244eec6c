"""The phases of a run in words: what is frozen when, and how fast the rest learns."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from tl_core.backbones import anatomy, get_backbone
from tl_core.charts.curves import Border
from tl_core.errors import TransferLabError
from tl_core.facts import PlannedPhase
from tl_core.records import Run
from tl_core.text import number_of

_NAMED = 3


def borders(run: Run) -> list[Border]:
    """Where each phase after the first begins, and what it unfreezes."""
    plan = run.facts.plan
    if len(plan) < 2:
        return []
    names = _stage_names(run.config.model.backbone, run.config.model.image_size, plan[0].n_stages)
    return [
        Border(after.first_epoch, _unfrozen(names[after.frozen_stages : before.frozen_stages]))
        for before, after in pairwise(plan)
    ]


def _unfrozen(names: Sequence[str]) -> str:
    if not names:
        return "next phase"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"unfrozen: {', '.join(names[-_NAMED:])}{more}"


@lru_cache(maxsize=32)
def _stage_names(backbone: str, image_size: int | None, n: int) -> list[str]:
    """Of a backbone that is known here, else numbers."""
    try:
        names = [stage.name for stage in anatomy(get_backbone(backbone), image_size).stages]
    except TransferLabError:
        names = []
    return names if len(names) == n else [f"stage {place + 1}" for place in range(n)]


def phase_rows(run: Run) -> list[tuple[str, str, str, str]]:
    """For each phase: its epochs, what is frozen, the head's learning rate and that of the stages that learn."""
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
    """The only phase of a run in a sentence; nothing when there are more, or none is known yet."""
    plan = run.facts.plan
    if len(plan) != 1:
        return ""
    stages = _stage_rates(plan[0].rates[:-1])
    learns = f"the stages that learn at {stages}" if stages != "–" else "no stage learns"
    head = f"{plan[0].rates[-1]:.3g}"
    return f"One phase, {_epochs(plan[0])}: {_frozen(plan[0])} frozen; the head learns at {head}, {learns}."


def _epochs(phase: PlannedPhase) -> str:
    first = phase.first_epoch
    last = phase.last_epoch
    return f"epoch {first}" if first == last else f"epochs {first}–{last}"


def _frozen(phase: PlannedPhase) -> str:
    n = phase.n_stages
    frozen = phase.frozen_stages
    if not frozen:
        return "nothing"
    return (
        f"all {number_of(n, 'stage')}"
        if frozen == n
        else f"the first {frozen} of {number_of(n, 'stage')}"
    )


def _stage_rates(rates: Sequence[float]) -> str:
    """`0.001`, or `0.0002 to 0.001`, from the input on."""
    learning = sorted({rate for rate in rates if rate})
    if not learning:
        return "–"
    low, high = f"{learning[0]:.2g}", f"{learning[-1]:.2g}"
    return high if low == high else f"{low} to {high}"
