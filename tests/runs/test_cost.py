"""Training cost: the same for a warm cache and a busy machine, and absent where it is not known."""

from making_runs import run_config

from tl_core.facts import CachedRows, RunFacts
from tl_core.records import DatasetRecord, Run, RunState
from tl_core.runners import InlineRunner
from tl_core.runs.cost import circumstances, training_cost
from tl_core.workspace import Workspace

DATASET = DatasetRecord("0123456789abcdef", "x", ("a", "b"), (1, 1), 0, "folder", 0.0)


def run_with(**facts) -> Run:
    return Run("a", RunState.COMPLETED, run_config(DATASET), "x", 0.0, facts=RunFacts(**facts))


def test_what_the_cache_saved_is_counted():
    assert training_cost(run_with(processor_seconds={"training": 3.0}, processor_saved=4.0)) == 7.0


def test_a_cost_that_is_not_known_whole_is_absent():
    spent = {"training": 3.0}
    assert training_cost(run_with()) is None
    assert training_cost(run_with(processor_seconds=spent)) is None
    for more in ({"continues": "b"}, {"resumed": 1}):
        found = run_with(processor_seconds=spent, processor_saved=0.0, **more)
        assert training_cost(found) is None


def test_circumstances_are_told_where_they_matter():
    rows = CachedRows(found=3, needed=12)
    warm = run_with(cached_rows=rows, others_share=0.05)
    assert circumstances(warm) == [
        "less time, because an earlier run had already prepared 25.0 % of its images"
    ]
    whole = run_with(cached_rows=CachedRows(found=12, needed=12))
    assert circumstances(whole)[0].endswith("prepared all of its images")
    busy = run_with(cached_rows=CachedRows(found=0, needed=4), others_share=0.62)
    assert circumstances(busy) == [
        "more time, because other programs took 62 % of the computer's processor"
    ]
    assert circumstances(run_with()) == []


def test_a_run_with_a_warm_cache_costs_about_as_much_as_with_a_cold_one(
    workspace: Workspace, colours: DatasetRecord
):
    config = run_config(colours, augment="photos", epochs=5)
    # The first run of a process also imports and traces, which its cost holds.
    InlineRunner(workspace).submit(run_config(colours, frozen_stages=-1, epochs=1))
    cold, warm = (InlineRunner(workspace).submit(config) for _ in range(2))
    rows = cold.facts.cached_rows
    assert rows and rows.found == 0 and rows.needed > 0
    rows = warm.facts.cached_rows
    assert rows and rows.found == rows.needed
    assert cold.facts.processor_saved == 0.0 and warm.facts.processor_saved > 0
    spent = sum(warm.facts.processor_seconds.values())
    assert spent < sum(cold.facts.processor_seconds.values())
    assert 0.4 < training_cost(warm) / training_cost(cold) < 2.5
    assert 0 <= warm.facts.others_share <= 1
