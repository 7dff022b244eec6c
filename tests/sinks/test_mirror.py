"""Sinks receive all metrics of a run, and cannot harm the run."""

from dataclasses import replace

import pytest
from making_runs import run_config

from tl_core.records import RunState
from tl_core.runners import InlineRunner
from tl_core.sinks import Mirror
from tl_core.sinks import mirror as module


class RecordingSink:
    name = "Elsewhere"

    def __init__(self, fails_at=""):
        self.calls = []
        self.points = []
        self.fails_at = fails_at

    def start(self, run):
        self._call("start")

    def write(self, points):
        self._call("write")
        self.points += points

    def finish(self, run):
        self._call("finish")
        self.ended = run

    def _call(self, name):
        self.calls.append(name)
        if name == self.fails_at:
            raise ConnectionError("nobody there")


@pytest.fixture
def train(workspace, colours, monkeypatch):
    def train(*sinks):
        monkeypatch.setattr(
            "tl_core.runs.execute.open_mirror", lambda store, run, _: Mirror(store, run, sinks)
        )
        return InlineRunner(workspace).submit(run_config(colours))

    return train


def test_every_point_arrives_once_and_in_order(workspace, train):
    sink = RecordingSink()
    run = train(sink)
    assert sink.points == workspace.store.list_metrics(run.id)
    assert (sink.calls[0], sink.calls[-1]) == ("start", "finish")
    assert sink.ended == run and run.result


@pytest.mark.parametrize("step", ["start", "write", "finish"])
def test_a_failing_sink_is_dropped_and_the_run_says_so(train, step):
    bad = RecordingSink(step)
    good = RecordingSink()
    run = train(bad, good)
    assert run.state is RunState.COMPLETED and run.result
    assert bad.calls.count(step) == 1 and bad.calls[-1] == step
    assert good.calls[-1] == "finish"
    expected = "Elsewhere did not take all of this run's figures (ConnectionError: nobody there)"
    assert expected in run.facts.notes[0]


def test_a_hanging_sink_delays_the_run_by_a_limited_time_and_the_run_says_so(train, monkeypatch):
    import threading

    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    hang = threading.Event()
    sink = RecordingSink()
    sink.start = lambda run: hang.wait(30)
    run = train(sink)
    hang.set()
    assert run.state is RunState.COMPLETED
    (note,) = run.facts.notes
    reason = "not done 0.2 seconds after its end"
    assert note.startswith(f"Elsewhere did not take all of this run's figures ({reason})")


def test_by_default_there_are_no_sinks(workspace, colours):
    run = workspace.store.add_run(run_config(colours), "x")
    with module.open_mirror(workspace.store, run, workspace.settings) as mirror:
        assert not mirror._sinks and not mirror._thread.is_alive()


def test_event_files_hold_the_curves_and_the_test_figures(workspace, colours, tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    settings = workspace.settings.model_copy(update={"tensorboard_folder": tmp_path / "events"})
    run = InlineRunner(replace(workspace, settings=settings)).submit(run_config(colours))
    events = reading.EventAccumulator(str(tmp_path / "events" / run.id))
    events.Reload()
    points = [
        p for p in workspace.store.list_metrics(run.id) if (p.split, p.name) == ("val", "loss")
    ]
    assert [(e.step, e.value) for e in events.Scalars("val/loss")] == [
        (p.step, pytest.approx(p.value)) for p in points
    ]
    assert events.Scalars("test/accuracy")[0].value == pytest.approx(run.result.accuracy)


def test_mlflow_has_the_settings_the_curves_and_the_test_figures(
    workspace, colours, tmp_path, monkeypatch, capfd
):
    mlflow = pytest.importorskip("mlflow")
    # A folder takes the place of a server.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "mlruns").as_uri()
    settings = workspace.settings.model_copy(update={"mlflow_uri": uri})
    run = InlineRunner(replace(workspace, settings=settings)).submit(run_config(colours))
    client = mlflow.MlflowClient(tracking_uri=uri)
    (recorded,) = client.search_runs([client.get_experiment_by_name("TransferLab").experiment_id])
    assert (recorded.info.status, recorded.data.tags["transferlab.run"]) == ("FINISHED", run.id)
    assert recorded.data.params["backbone"] == run.config.model.backbone
    assert recorded.data.metrics["test/accuracy"] == run.result.accuracy
    history = client.get_metric_history(recorded.info.run_id, "val/loss")
    points = [
        p for p in workspace.store.list_metrics(run.id) if (p.split, p.name) == ("val", "loss")
    ]
    assert capfd.readouterr().out == ""
    assert [(metric.step, metric.value) for metric in history] == [
        (point.step, point.value) for point in points
    ]
