"""Derived properties of the records."""

from dataclasses import FrozenInstanceError, replace

import pytest

from tl_core.records import DatasetRecord, Prediction, RunState


@pytest.mark.parametrize("state", RunState)
def test_a_run_is_finished_unless_a_runner_will_go_on_with_it(state: RunState):
    goes_on = state in {RunState.QUEUED, RunState.RUNNING, RunState.PAUSED}
    assert state.is_finished is not goes_on


def test_a_state_reads_as_a_word():
    assert f"{RunState.INTERRUPTED}" == "interrupted"
    assert RunState("queued") is RunState.QUEUED


def test_a_dataset_has_as_many_images_as_its_classes_together():
    record = DatasetRecord("0" * 16, "flowers", ("daisy", "rose"), (3, 4), 1, "zip", 0.0)
    assert record.n == 7


def test_a_prediction_is_of_the_most_probable_class():
    prediction = Prediction(position=4, true=2, probabilities=(0.1, 0.2, 0.7))
    assert (prediction.predicted, prediction.confidence, prediction.is_right) == (2, 0.7, True)
    assert not replace(prediction, true=0).is_right


def test_of_equally_probable_classes_the_first_is_predicted():
    assert Prediction(0, 1, (0.0, 0.5, 0.5)).predicted == 1


def test_records_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Prediction(0, 0, (1.0,)).true = 1


def test_an_answer_that_is_not_a_number_is_never_right():
    nan = float("nan")
    assert not any(Prediction(0, true, (nan, nan)).is_right for true in (0, 1))
