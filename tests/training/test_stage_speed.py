"""Measured speed of stages: positive, stored once, and apart from the set-up of a pass."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tl_core.backbones import anatomy, get_backbone
from tl_core.config import DEFAULT_BACKBONE
from tl_core.training import stage_speed
from tl_core.training.speed_records import Pace, measured_speeds
from tl_core.training.stage_speed import measure_stages, stage_seconds


@pytest.mark.parametrize(
    ("name", "side"),
    [(DEFAULT_BACKBONE, None), ("vit_b_16", 32), ("swin_v2_t", 64), ("densenet121", 64)],
)
def test_every_stage_takes_time_and_no_random_number_is_drawn(name: str, side: int | None):
    before = torch.get_rng_state()
    seconds = measure_stages.__wrapped__(name, side)
    training = measure_stages.__wrapped__(name, side, training=True)
    n_stages = len(anatomy(get_backbone(name), side).stages)
    assert len(seconds) == len(training) == n_stages and min(*seconds, *training) > 0
    assert sum(training) > sum(seconds), "the backward pass takes time, too"
    assert torch.equal(before, torch.get_rng_state())


def test_a_network_too_large_to_measure_is_estimated_from_its_multiply_adds(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(stage_speed, "_MAX_MEASURED", 1.0)
    counted = measure_stages.__wrapped__("resnet18", None)
    parts = anatomy(get_backbone("resnet18"))
    assert len(counted) == len(parts.stages) and min(counted) > 0
    # Called with the same arguments as in the measurement, it returns the cached value.
    pace = stage_speed._seconds_per_multiply_add(stage_speed.pick_device())
    assert sum(counted) == pytest.approx(parts.multiply_adds * pace, rel=0.05)


def test_a_network_too_large_is_not_measured_in_training(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stage_speed, "_MAX_MEASURED", 1.0)
    assert measure_stages.__wrapped__("resnet18", None, training=True) == ()


def test_a_measurement_is_stored_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert measured_speeds(tmp_path) == {}
    seconds = stage_seconds("squeezenet1_1", None, tmp_path)
    stage_seconds("squeezenet1_1", 32, tmp_path)
    training = stage_seconds("squeezenet1_1", None, tmp_path, training=True)
    monkeypatch.setattr(stage_speed, "measure_stages", None)
    assert stage_seconds("squeezenet1_1", None, tmp_path) == seconds
    assert stage_seconds("squeezenet1_1", None, tmp_path, training=True) == training
    assert measured_speeds(tmp_path) == {"squeezenet1_1": pytest.approx(1 / sum(seconds))}
    assert [path.name for path in tmp_path.iterdir()] == ["speeds.json"]


@given(st.integers(1, 64), st.integers(0, 400), st.floats(0, 60), st.floats(1e-3, 1))
def test_time_per_image_excludes_set_up_and_needs_enough_images(
    batch: int, n: int, start: float, each: float
):
    now = 0.0
    pace = Pace(clock=lambda: now)
    for done in [*range(batch, n, batch), n] if n else []:
        now = start + done * each
        pace.see(done)
    measured = pace.measured()
    if n - batch < 64:
        assert measured is None, "the few images of an aborted run would be stored with its set-up"
    else:
        assert measured == {
            "seconds": pytest.approx(each),
            "start_seconds": pytest.approx(start, abs=1e-6),
        }


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_damaged_file_of_measurements_counts_as_none(tmp_path: Path, content: str):
    (tmp_path / "speeds.json").write_text(content)
    assert measured_speeds(tmp_path) == {}
    stage_seconds("squeezenet1_1", None, tmp_path)
    assert list(measured_speeds(tmp_path)) == ["squeezenet1_1"]
