"""Hostile names reach a sink as they are: they break nothing there and mark nothing up."""

import re
from dataclasses import replace

import pytest
from hostile_names import NAMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tl_core.config import make_run_config
from tl_core.records import MetricPoint, RunState
from tl_core.sinks.mlflow import MLflow
from tl_core.sinks.tensorboard import TensorBoard
from tl_core.text import one_line

POINTS = [MetricPoint(0, 1, 1, "val", "loss", 0.5, 3)]


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    pytest.importorskip("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        yield tmp_path_factory.mktemp("mlflow").as_uri()


@pytest.fixture
def run(workspace):
    added = workspace.store.add_run(make_run_config("d1", {"weights": "file:x"}), "pets")
    return replace(added, state=RunState.COMPLETED)


def named(run, name):
    model = run.config.model.model_copy(update={"weights": f"file:{name}"})
    config = run.config.model_copy(update={"model": model})
    return replace(run, title=name[:80], note=name, dataset_name=name[:200], config=config)


def told(sink, run):
    sink.start(run)
    sink.write(POINTS)
    sink.finish(run)
    return sink


def each_name(test):
    """Give the test every name of the list, and some that nobody has thought of."""
    for name in NAMES:
        test = example(name=name)(test)
    quiet = [HealthCheck.function_scoped_fixture]
    some = settings(max_examples=10, suppress_health_check=quiet)
    return some(given(name=st.text(st.characters(), min_size=1).filter(str.strip))(test))


@each_name
def test_mlflow_takes_every_name_and_shows_it_as_text(run, uri, name):
    sink = told(MLflow(uri), named(run, name))
    recorded = sink._client.get_run(sink._run_id)
    assert recorded.info.status == "FINISHED"
    assert recorded.info.run_name == one_line(name[:80])
    tags = recorded.data.tags
    assert tags["dataset"] == one_line(name[:200])
    # MLflow draws it as Markdown, in which an indented line is code.
    lines = re.split("[\\r\\n]", tags["mlflow.note.content"])
    assert all(line.startswith("    ") or not line.strip() for line in lines)
    assert recorded.data.metrics == {"val/loss": 0.5}


@each_name
def test_tensorboard_takes_every_name_and_its_folder_is_the_runs_id(run, tmp_path, name):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = tmp_path / "events"
    told(TensorBoard(folder), named(run, name))
    assert [each.name for each in folder.iterdir()] == [run.id]
    events = reading.EventAccumulator(str(folder / run.id))
    events.Reload()
    (text,) = events.Tensors("config/text_summary")[-1].tensor_proto.string_val
    lines = re.split("[\\r\\n]", text.decode())
    assert all(line.startswith("    ") for line in lines if line.strip())
