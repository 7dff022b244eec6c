import json

import pytest

from tl_core.charts import MatrixView
from tl_core.config import make_run_config
from tl_core.errors import UnknownRun
from tl_core.facts import PlannedPhase, RunFacts
from tl_core.records import DatasetRecord, MetricPoint, Prediction, RunState
from tl_ui.routes import charts as run_charts
from tl_ui.routes.charts import RunCharts, UnknownChart


@pytest.fixture
def store(served, monkeypatch):
    monkeypatch.setattr(run_charts, "CHECK_SECONDS", 0)
    monkeypatch.setattr(run_charts, "_REST", 0)
    return served.store


@pytest.fixture
def charts(store):
    return RunCharts(store, capacity=3)


@pytest.fixture
def run(store):
    store.add_dataset(DatasetRecord("d1", "pets", ("cat", "dog"), (0, 0), 0, "sample", 0.0), [], [])
    run = store.add_run(make_run_config("d1", {}), "pets")
    store.claim_run(run.id)
    return run


def read(payload):
    return json.loads(payload.body)


def test_a_figure_is_built_again_only_after_a_change(store, charts, run, monkeypatch):
    built = []
    accuracy_chart = run_charts.accuracy_chart

    def loss_chart(points, borders, best_epoch):
        built.append(1)
        return accuracy_chart(points)

    monkeypatch.setattr(run_charts, "loss_chart", loss_chart)
    first = charts.get(run.id, "loss")
    assert charts.get(run.id, "loss") is first
    store.append_metrics(run.id, [MetricPoint(0, 1, 1, "val", "accuracy", 0.5, 10)])
    assert charts.get(run.id, "loss").version != first.version
    assert len(built) == 2


def test_the_version_depends_on_the_content_alone(store, run):
    versions = {RunCharts(store).get(run.id, "loss").version for _ in range(2)}
    assert len(versions) == 1


def test_the_end_of_a_run_changes_the_version(store, charts, run):
    before = charts.get(run.id, "accuracy")
    store.finish_run(run.id, RunState.COMPLETED)
    after = charts.get(run.id, "accuracy")
    assert (read(before)["live"], read(after)["live"]) == (True, False)
    assert before.version != after.version


def test_predictions_stored_after_their_epoch_was_reported_are_shown(store, charts, run):
    store.update_run(run.id, epochs_done=1)
    assert "nothing measured" in read(charts.get(run.id, "confusion"))["title"]
    store.put_predictions(run.id, "val", 1, [Prediction(0, 0, (0.9, 0.1))])
    title = read(charts.get(run.id, "confusion"))["title"]
    assert title == "Validation after epoch 1: 1 of 1 images right (100.0 %)"


def test_the_test_matrix_can_show_shares(store, charts, run):
    charts.get(run.id, "confusion-test")
    store.put_predictions(run.id, "test", 1, [Prediction(0, 0, (0.1, 0.9))])
    store.finish_run(run.id, RunState.COMPLETED)
    content = read(charts.get(run.id, "confusion-test", MatrixView(shares=True)))
    assert content["title"] == "Test: 0 of 1 images right (0.0 %)"
    assert content["figure"]["data"][0]["z"] == [[0.0, 1.0], [0.0, 0.0]]


def test_a_matrix_outlives_its_dataset(store, charts, run):
    store.put_predictions(run.id, "test", 1, [Prediction(0, 0, (0.1, 0.9))])
    store.finish_run(run.id, RunState.COMPLETED)
    store.delete_dataset("d1")
    assert "class 2" in charts.get(run.id, "confusion-test").body.decode()


def test_the_number_of_cached_charts_is_limited(charts, run):
    for kind in run_charts.KINDS:
        charts.get(run.id, kind)
    assert len(charts._entries) == 3


def test_unknown_kinds_and_runs_are_refused(charts, run):
    with pytest.raises(UnknownChart, match="loss, accuracy"):
        charts.get(run.id, "pie")
    with pytest.raises(UnknownRun):
        charts.get("nothere1", "loss")


def test_a_repeated_epoch_replaces_the_dropped_points(store, charts, run):
    def steps():
        return read(charts.get(run.id, "loss"))["figure"]["data"][0]["x"]

    def add(seq, step, epoch):
        store.append_metrics(run.id, [MetricPoint(seq, epoch, step, "train", "batch_loss", 0.5, 8)])

    add(0, 10, 1)
    add(1, 15, 2)
    assert steps() == [10, 15]
    store.update_run(run.id, epochs_done=1)
    store.finish_run(run.id, RunState.PAUSED)
    store.drop_metrics(run.id, 1)
    assert steps() == [10]
    store.queue_again(run.id)
    store.claim_run(run.id)
    add(1, 12, 2)
    assert steps() == [10, 12]


def test_a_paused_run_is_not_live(store, charts, run):
    store.finish_run(run.id, RunState.PAUSED)
    assert read(charts.get(run.id, "loss"))["live"] is False


def test_the_phases_of_a_run_are_marked_in_its_curves(store, charts, run):
    plan = (
        PlannedPhase(first_epoch=1, last_epoch=1, frozen_stages=2, rates=(0, 0, 0.1)),
        PlannedPhase(first_epoch=2, last_epoch=3, frozen_stages=1, rates=(0, 0.1, 0.1)),
    )
    store.update_run(run.id, facts=RunFacts(plan=plan))
    points = [MetricPoint(i, i + 1, i + 1, "val", "accuracy", 0.5, 8) for i in range(2)]
    store.append_metrics(run.id, points)
    (annotation,) = read(charts.get(run.id, "accuracy"))["figure"]["layout"]["annotations"]
    assert (annotation["x"], annotation["text"]) == (1.5, "unfrozen: stage 2")


def test_a_comparison_has_the_curves_of_all_its_runs(store, charts, run):
    other = store.add_run(make_run_config("d1", {"optimizer": "sgd"}), "pets")
    store.add_run(make_run_config("d1", {}), "pets")
    for one in (run, other):
        store.update_run(one.id, facts=RunFacts(comparison="c1"))
    content = read(charts.compare("c1", "accuracy"))
    assert [trace["name"] for trace in content["figure"]["data"]] == ["AdamW", "SGD"]
    assert content["live"] is True
    for one in (run, other):
        store.finish_run(one.id, RunState.CANCELLED)
    assert read(charts.compare("c1", "accuracy"))["live"] is False


def test_an_unknown_comparison_is_refused(charts):
    with pytest.raises(UnknownChart, match="no such comparison"):
        charts.compare("c2", "loss")
    with pytest.raises(UnknownChart, match="loss, accuracy"):
        charts.compare("c2", "pie")
