"""Figures of the compared runs: as a table, and as cards for a phone."""

from filled_pages import add_run, dataset, open_page, workspace

from tl_core.facts import CachedRows, RunFacts
from tl_core.records import RunState
from tl_ui.compare.table import cost_words

__all__ = ["add_run", "dataset", "workspace"]


def test_a_card_has_name_and_test_accuracy_with_interval_and_n(workspace, add_run):
    tested = [add_run(2, state=RunState.COMPLETED, tested=True) for _ in range(2)]
    untested = add_run(1, state=RunState.CANCELLED)
    workspace.store.annotate_run(tested[0].id, title="*Zebra*")
    runs = [*tested, untested]
    app = open_page("compare", runs=",".join(run.id for run in runs))
    assert not app.exception
    shown = [m.value for m in app.markdown]
    accuracies = [words for words in shown if words.startswith("Test accuracy **")]
    assert accuracies == ["Test accuracy **50.0 %** (33 to 67 %) of 30 images"] * 2
    assert "Not tested: stopped" in shown
    (table,) = app.dataframe
    assert list(table.value["Run"]) == [run.id for run in runs]


def test_why_the_clock_shows_another_time_than_the_work_is_a_sentence(workspace, add_run):
    run = add_run(2, state=RunState.COMPLETED, tested=True)
    facts = RunFacts(cached_rows=CachedRows(found=384, needed=384), others_share=0.72)
    workspace.store.update_run(run.id, facts=facts)
    said = cost_words([workspace.store.get_run(run.id)], {run.id: "a"})
    assert said.startswith(
        "Time on the clock is not that of the work alone: **a** took less time, because an earlier "
        "run had already prepared all of its images, and more time, because other programs took "
        "72 % of the computer's processor."
    )


def test_of_two_runs_that_were_held_up_neither_is_called_the_slower(workspace, add_run):
    runs = []
    for _ in range(2):
        run = add_run(2, state=RunState.COMPLETED, tested=True)
        workspace.store.update_run(run.id, facts=RunFacts(others_share=0.9))
        runs.append(workspace.store.get_run(run.id))
    said = cost_words(runs, {runs[0].id: "a", runs[1].id: "b"})
    assert "**a** took more time, because" in said and "; **b** took more time, because" in said
    assert "slower" not in said
