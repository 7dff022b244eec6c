"""Warnings of a run's dataset and split, on every face that shows the run."""

from dataclasses import replace

import pytest
from filled_pages import add_run, dataset, open_page, workspace  # noqa: F401

from tl_core.data.small_samples import few_test_warning
from tl_core.datasets.importing import delete_dataset
from tl_core.facts import RunFacts
from tl_core.records import MetricPoint, RunState
from tl_core.report import report_html
from tl_core.runs.cautions import all_warnings, data_warnings, split_warnings
from tl_core.runs.results import results_of
from tl_core.runs.summary import caution

ODD = "The class b has no training image."


@pytest.fixture
def run(workspace, add_run):  # noqa: F811
    tested = add_run(2, tested=True, state=RunState.COMPLETED)
    workspace.store.update_run(tested.id, facts=RunFacts(split_warnings=(ODD, ODD)))
    return workspace.store.get_run(tested.id)


def test_warnings_of_the_split_are_told_once_and_outlive_the_dataset(workspace, run):  # noqa: F811
    assert data_warnings(workspace.store, run) == (ODD,)
    delete_dataset(workspace.store, workspace.artifacts, "d1")
    assert data_warnings(workspace.store, run) == (ODD,)


def test_the_expected_width_of_the_interval_gives_way_to_the_one_found(workspace, run):  # noqa: F811
    facts = RunFacts(split_warnings=(few_test_warning(24), ODD))
    workspace.store.update_run(run.id, facts=facts, result=replace(run.result, n=24))
    tested = workspace.store.get_run(run.id)
    assert split_warnings(tested) == (ODD,)
    assert split_warnings(replace(tested, result=None)) == facts.split_warnings
    few, *others = all_warnings(workspace.store, tested)
    assert "24 test images are few" in few
    assert others == [ODD]


def test_a_test_that_says_little_is_warned_of_first(workspace, run):  # noqa: F811
    first, *others = all_warnings(workspace.store, run)
    assert "not clearly better" in first
    assert others == [ODD]


def test_the_page_and_the_command_line_give_the_same_advice(workspace, run):  # noqa: F811
    figures = {"train": {"accuracy": 0.99, "loss": 0.02}, "val": {"accuracy": 0.5, "loss": 2.5}}
    told = [
        (epoch, split, name, value + (epoch if (split, name) == ("val", "loss") else 0))
        for epoch in (1, 2, 3)
        for split, named in figures.items()
        for name, value in named.items()
    ]
    points = [
        MetricPoint(10 + seq, epoch, epoch, split, name, value, 40)
        for seq, (epoch, split, name, value) in enumerate(told)
    ]
    workspace.store.append_metrics(run.id, points)
    kind = results_of(workspace.store, run.id).fit.kind
    assert kind != "unknown"
    first, *_ = all_warnings(workspace.store, run)
    assert first == caution(run.result, run.config.model, kind)
    assert first != caution(run.result, run.config.model, "unknown")


def test_page_and_report_tell_them(workspace, run):  # noqa: F811
    page = open_page("run", run=run.id)
    assert any(ODD in warning.value.replace("\\", "") for warning in page.warning)
    assert ODD in report_html(workspace.store, workspace.artifacts, run.id)
