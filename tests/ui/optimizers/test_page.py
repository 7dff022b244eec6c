"""Optimizers page over a store filled by hand."""

from dataclasses import replace

import pytest
from filled_pages import (
    add_run,
    buttons,
    dataset,
    links,
    open_page,
    pictures,
    words,
    workspace,
)

from tl_core.config import make_run_config
from tl_core.facts import RunFacts
from tl_core.records import MetricPoint, Progress, RunState, TestResult
from tl_ui.optimizers.comparison import progress_words
from tl_ui.optimizers.curves import LOOKS
from tl_ui.optimizers.results import too_fast, verdict

__all__ = ["add_run", "dataset", "workspace"]


@pytest.fixture
def compared(workspace, dataset):
    """Return eight queued runs of one comparison."""
    runs = [
        workspace.store.add_run(make_run_config("d1", {"optimizer": name}), dataset.name)
        for name in LOOKS
    ]
    for run in runs:
        workspace.store.update_run(run.id, facts=RunFacts(comparison="c1"))
    return runs


def finish(workspace, run, accuracy, n=100):
    workspace.store.claim_run(run.id)
    workspace.store.update_run(run.id, result=TestResult(n, 0.5, accuracy, 0.5, 0.5, 0.5, 0.5))
    workspace.store.finish_run(run.id, RunState.COMPLETED)


def test_without_images_the_next_step_is_to_add_some(workspace):
    assert links(open_page("optimizers")) == {"Add images or take a sample": ("", "")}


def test_one_press_queues_a_run_for_each_optimizer_that_differs_in_nothing_else(workspace, dataset):
    app = open_page("optimizers")
    buttons(app)["Compare the eight optimizers"].click().run()
    assert not app.exception, app.exception
    runs = workspace.store.list_runs()[::-1]
    assert [run.config.train.optimizer for run in runs] == list(LOOKS)
    assert len({run.facts.comparison for run in runs}) == 1
    same = {run.config.model_copy(update={"train": None}).model_dump_json() for run in runs}
    assert len(same) == 1
    assert len({run.config.train.model_copy(update={"optimizer": "adam"}) for run in runs}) == 1
    assert app.query_params["comparison"] in (
        runs[0].facts.comparison,
        [runs[0].facts.comparison],
    )
    assert "**This is one seed**" in words(app)


def test_a_common_rate_can_be_chosen(workspace, dataset):
    app = open_page("optimizers")
    app.radio[0].set_value(False).run()
    app.number_input[-1].set_value(0.02).run()
    buttons(app)["Compare the eight optimizers"].click().run()
    assert {run.config.train.learning_rate for run in workspace.store.list_runs()} == {0.02}
    assert "all at a learning rate of 0.02" in words(app)


def test_all_can_be_stopped(workspace, compared):
    workspace.store.claim_run(compared[0].id)
    app = open_page("optimizers", comparison="c1")
    buttons(app)["Stop all"].click().run()
    runs = [workspace.store.get_run(run.id) for run in compared]
    assert [run.state for run in runs] == [RunState.RUNNING] + [RunState.CANCELLED] * 7
    assert workspace.store.is_cancel_requested(runs[0].id)


def test_the_table_has_every_optimizer_with_n_and_interval(workspace, compared):
    finish(workspace, compared[0], 0.5)
    app = open_page("optimizers", comparison="c1")
    table = app.dataframe[0].value
    assert list(table["Optimizer"])[:2] == ["Gradient descent", "SGD"]
    assert list(table["State"]) == ["completed"] + ["waiting"] * 7
    row = table.iloc[0]
    assert (row["Test accuracy"], row["n"], row["95 % interval"]) == (50, 100, "40.4–59.6 %")
    assert "RMSprop" in words(app)


@pytest.mark.parametrize(("accuracy", "said"), [(0.9, "lie apart"), (0.55, "overlap")])
def test_a_difference_that_may_be_chance_is_reported_as_such(workspace, compared, accuracy, said):
    assert verdict(compared) == ""
    finish(workspace, compared[0], 0.5)
    finish(workspace, compared[1], accuracy)
    words = verdict([workspace.store.get_run(run.id) for run in compared])
    assert words.startswith(f"Most often right: **SGD** on {round(100 * accuracy)} of 100")
    assert said in words


def test_optimizers_with_equal_accuracy_are_named_together(workspace, compared):
    for run in compared[:2]:
        finish(workspace, run, 0.5)
    words = verdict([workspace.store.get_run(run.id) for run in compared])
    assert words == "No difference: **Gradient descent, SGD** on 50 of 100 test images (50.0 %)."


def test_a_loss_that_rose_before_it_fell_is_explained(workspace, compared):
    for run, losses in zip(compared, ([0.7, 2.3, 0.4], [0.7, 0.72, 0.3]), strict=False):
        workspace.store.claim_run(run.id)
        points = [
            MetricPoint(2 * i, i + 1, i + 1, "train", "batch_loss", loss, 8)
            for i, loss in enumerate(losses)
        ]
        points += [MetricPoint(2 * i + 1, i + 1, i + 1, "val", "loss", 0.5, 8) for i in range(3)]
        workspace.store.append_metrics(run.id, points)
    runs = [replace(workspace.store.get_run(run.id), epochs_done=3) for run in compared[:2]]
    assert too_fast(runs).startswith(
        "The training loss first rose with **Gradient descent** (from 0.70 to 2.30): at"
    )
    assert too_fast(runs[1:]) == too_fast([]) == ""


def test_progress_of_all_in_words(workspace, compared):
    finish(workspace, compared[0], 0.5)
    workspace.store.claim_run(compared[1].id)
    workspace.store.update_run(compared[1].id, progress=Progress("training", 0.1, "epoch 2 of 5"))
    runs = [workspace.store.get_run(run.id) for run in compared]
    assert progress_words(runs) == "1 of 8 done; now SGD: epoch 2 of 5"


def test_other_comparisons_are_listed(compared):
    (label, target), *_ = links(open_page("optimizers")).items()
    assert "0 of 8 tested" in label
    assert target == ("optimizers", "comparison=c1")
    assert "no such comparison" in words(open_page("optimizers", comparison="gone"))


def test_the_list_of_runs_leads_to_the_comparison(compared):
    app = open_page("runs")
    assert links(app)["Compare optimizers on the same training"] == ("optimizers", "")
    assert "Gradient descent" in pictures(app)
