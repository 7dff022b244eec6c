import pytest

from tl_core.charts.curves import Border
from tl_core.config import make_run_config
from tl_core.facts import PlannedPhase, RunFacts
from tl_core.records import Run, RunState
from tl_ui.run.phases import borders, phase_rows, plan_sentence


def make_run(*phases, backbone="gone"):
    """Phases as (first epoch, last epoch, frozen stages, rates)."""
    names = ("first_epoch", "last_epoch", "frozen_stages", "rates")
    plan = tuple(PlannedPhase(**dict(zip(names, phase, strict=True))) for phase in phases)
    return Run(
        "r",
        RunState.RUNNING,
        make_run_config("d", {"backbone": backbone}),
        "pets",
        0.0,
        facts=RunFacts(plan=plan),
    )


TWO_PHASES = ((1, 3, 4, [0, 0, 0, 0, 0.01]), (4, 10, 2, [0, 0, 1e-4, 1e-3, 1e-3]))


def test_a_phase_begins_where_more_stages_learn():
    assert borders(make_run(*TWO_PHASES)) == [Border(4, "unfrozen: stage 3, stage 4")]
    assert borders(make_run(TWO_PHASES[0])) == borders(make_run()) == []


def test_stages_are_called_by_the_names_they_have_in_the_network():
    phases = (1, 3, 6, [0] * 6 + [0.01]), (4, 10, 5, [0] * 5 + [1e-3, 1e-3])
    (border,) = borders(make_run(*phases, backbone="resnet18"))
    assert border.words.startswith("unfrozen: ")


@pytest.mark.parametrize("frozen", [4, 0])
def test_many_stages_at_once_are_counted(frozen):
    first = (1, 3, 5, [0, 0, 0, 0, 0, 0.01])
    (border,) = borders(make_run(first, (4, 10, frozen, [0.1] * 6)))
    assert border.words == (
        "unfrozen: stage 5" if frozen else "unfrozen: stage 3, stage 4, stage 5 and 2 more"
    )


def test_phases_as_rows_of_a_table():
    assert phase_rows(make_run(*TWO_PHASES)) == [
        ("epochs 1–3", "all 4 stages", "0.01", "–"),
        ("epochs 4–10", "the first 2 of 4 stages", "0.001", "0.0001 to 0.001"),
    ]


def test_one_phase_is_a_sentence():
    assert plan_sentence(make_run(*TWO_PHASES)) == ""
    assert plan_sentence(make_run((1, 1, 0, [0.001, 0.01]))) == (
        "One phase, epoch 1: nothing frozen; the head learns at 0.01, "
        "the stages that learn at 0.001."
    )
