"""Recorded metrics: a limited number of points, each with the number of images it averages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making_runs import open_home, run_config

from tl_core.events import BatchEnded, EpochEnded, FactsFound, GoesOn, PreviewFitted, StageStarted
from tl_core.facts import RunFacts
from tl_core.records import PREVIEW, Prediction, Run
from tl_core.runs.recording import Recorder
from tl_core.workspace import Workspace


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return open_home(tmp_path_factory.mktemp("recording"))


@pytest.fixture
def run(home: Workspace, finished: tuple[Workspace, Run]) -> Run:
    return home.store.add_run(finished[1].config, "colours")


@given(total=st.integers(1, 5000), data=st.data())
def test_batch_losses_are_thinned_to_a_thousand_and_stay_means(
    home: Workspace, finished: tuple[Workspace, Run], total: int, data: st.DataObject
):
    run = home.store.add_run(finished[1].config, "colours")
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    batches = [
        BatchEnded(1, step, total, float(step), sizes[step % len(sizes)])
        for step in range(1, total + 1)
    ]
    with Recorder(home.store, run) as recorder:
        for batch in batches:
            recorder.write(batch)
    points = home.store.list_metrics(run.id)
    assert min(total, 500) <= len(points) <= 1000
    start = 0
    for point in points:
        own = batches[start : point.step]
        assert point.n == sum(batch.n for batch in own)
        assert point.value == pytest.approx(sum(batch.loss * batch.n for batch in own) / point.n)
        start = point.step
    # Only the last, incomplete mean may be missing.
    assert total - start < max(1, -(-total // 1000))


def test_the_best_epoch_is_written_with_its_epoch(home: Workspace, run: Run):
    predictions = (Prediction(4, 0, (0.75, 0.25)), Prediction(9, 1, (0.5, 0.5)))
    accuracies = (0.5, 0.75, 0.25)
    with Recorder(home.store, run) as recorder:
        for epoch, accuracy in enumerate(accuracies, start=1):
            is_best = epoch < 3
            rate = 0.1 * epoch
            event = EpochEnded(
                epoch, epoch * 3, 1.0, 0.5, 10, 2.0, accuracy, predictions, is_best, rate
            )
            recorder.write(event)
            # Recorded at once, not only when the run ends.
            record = home.store.get_run(run.id)
            best = (1, 0.5) if epoch == 1 else (2, 0.75)
            assert record.epochs_done == epoch
            assert (record.best_epoch, record.val_accuracy) == best
            assert home.store.list_predictions(run.id, "val") == (epoch, list(predictions))
            assert len(home.store.list_metrics(run.id)) == 5 * epoch
    assert {p.n for p in home.store.list_metrics(run.id) if p.split == "val"} == {2}


def test_a_failed_run_keeps_what_was_recorded(home: Workspace, run: Run):
    with pytest.raises(ZeroDivisionError), Recorder(home.store, run) as recorder:
        recorder.write(StageStarted("training"))
        recorder.write(FactsFound(RunFacts(device="a slow one")))
        recorder.write(BatchEnded(1, 1, 10, 0.5, 4))
        raise ZeroDivisionError
    facts = home.store.get_run(run.id).facts
    assert facts.device == "a slow one" and "training" in facts.seconds_by_stage
    assert "python" in facts.environment
    assert [point.value for point in home.store.list_metrics(run.id)] == [0.5]


def test_a_run_in_the_test_config_is_the_one_recorded(finished: tuple[Workspace, Run]):
    workspace, run = finished
    dataset = workspace.store.get_dataset(run.config.data.dataset_id)
    assert run.config == run_config(dataset, epochs=3)


def test_a_resumed_run_appends_to_its_metrics(home: Workspace, run: Run):
    predictions = (Prediction(4, 0, (0.75, 0.25)),)
    ends = [
        EpochEnded(e, e * 3, 1.0, None, 10, 2.0, 0.5, predictions, e == 1, 0.1 / e) for e in (1, 2)
    ]
    with Recorder(home.store, run) as recorder:
        recorder.write(StageStarted("training"))
        recorder.write(ends[0])
    before = home.store.list_metrics(run.id)
    with Recorder(home.store, home.store.get_run(run.id)) as recorder:
        recorder.write(StageStarted("reading images"))
        recorder.write(GoesOn(1))
        # A resumed run reports its last finished epoch again.
        recorder.write(ends[0])
        recorder.write(StageStarted("training"))
        recorder.write(ends[1])
    points = home.store.list_metrics(run.id)
    assert points[: len(before)] == before
    assert [point.seq for point in points] == list(range(2 * len(before)))
    assert [point.epoch for point in points] == [1] * 4 + [2] * 4
    rates = [point.value for point in points if point.name == "learning_rate"]
    assert rates == [0.1, 0.05]
    # Mixed images have no single class, and so no accuracy.
    assert "accuracy" not in {point.name for point in points if point.split == "train"}


def test_steps_that_a_killed_process_did_not_report_are_reported_on_resuming(
    home: Workspace, run: Run
):
    steps = tuple(BatchEnded(1, step, 4, 1 / step, 4) for step in (1, 2))
    end = EpochEnded(1, 2, 1.0, 0.5, 8, 2.0, 0.5, (), is_best=True, learning_rate=0.1)
    with Recorder(home.store, run) as recorder:
        recorder.write(steps[0])
    with Recorder(home.store, home.store.get_run(run.id)) as recorder:
        for event in (GoesOn(1, steps), end):
            recorder.write(event)
    points = home.store.list_metrics(run.id)
    assert [(p.seq, p.step, p.value) for p in points[:2]] == [(0, 1, 1.0), (1, 2, 0.5)]
    assert home.store.get_run(run.id).epochs_done == 1
    # Those that the store knows are not added twice, and those that are done again are dropped.
    with Recorder(home.store, home.store.get_run(run.id)) as recorder:
        recorder.write(GoesOn(1, steps))
        assert home.store.list_metrics(run.id) == points
        recorder.write(GoesOn(0))
    assert home.store.list_metrics(run.id) == []
    assert home.store.get_run(run.id).epochs_done == 0


def test_the_preview_is_recorded_apart_from_training_and_goes_with_a_restart(
    home: Workspace, run: Run
):
    told = (Prediction(3, 0, (0.75, 0.25)),)
    with Recorder(home.store, run) as recorder:
        recorder.write(StageStarted("preparing features"))
        recorder.write(PreviewFitted(8, 5, 0.6, told))
        recorder.write(PreviewFitted(16, 5, 0.8, ()))
    points = home.store.list_preview(run.id)
    assert [(p.epoch, p.split, p.step, p.value, p.n) for p in points] == [
        (0, PREVIEW, 8, 0.6, 5),
        (0, PREVIEW, 16, 0.8, 5),
    ]
    assert home.store.list_metrics(run.id) == []
    assert home.store.list_predictions(run.id, PREVIEW) == (8, list(told))
    assert home.store.list_predictions(run.id, "val") == (0, [])
    home.store.drop_metrics(run.id, after_epoch=0)
    assert len(home.store.list_preview(run.id)) == 2, "kept beside finished epochs"
    home.store.drop_metrics(run.id, after_epoch=-1)
    assert home.store.list_preview(run.id) == []
