"""Estimates of a run's duration: positive, growing with the work, and true to what a run does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tl_core.backbones import anatomy, get_backbone
from tl_core.cache import RowCache
from tl_core.config import DEFAULT_BACKBONE, RunConfig, make_run_config
from tl_core.facts import RunFacts
from tl_core.records import Split
from tl_core.training import Experiment, estimate, run_experiment
from tl_core.training.estimate import estimate_run, measure_stages, stage_seconds
from tl_core.training.speed_records import Pace, measured_speeds, remember

STAGES = len(anatomy(get_backbone(DEFAULT_BACKBONE)).stages)


def config(frozen: int, epochs: int, augment: bool, **more) -> RunConfig:
    kind = "photos" if augment else "none"
    return make_run_config(
        "x", {"frozen_stages": frozen, "epochs": epochs, "augment": kind, "image_size": 64, **more}
    )


def split(n_train: int, n_val: int, n_test: int) -> Split:
    positions = iter(range(n_train + n_val + n_test))
    return Split(*(tuple(next(positions) for _ in range(n)) for n in (n_train, n_val, n_test)))


sizes = st.integers(1, 300)
splits = st.builds(split, sizes, sizes, sizes)


@pytest.mark.parametrize(
    ("name", "side"),
    [(DEFAULT_BACKBONE, None), ("vit_b_16", 32), ("swin_v2_t", 64), ("densenet121", 64)],
)
def test_every_stage_takes_time_and_no_random_number_is_drawn(name: str, side: int | None):
    before = torch.get_rng_state()
    seconds = measure_stages.__wrapped__(name, side)
    assert len(seconds) == len(anatomy(get_backbone(name), side).stages) and min(seconds) > 0
    assert torch.equal(before, torch.get_rng_state())


def test_a_network_too_large_to_measure_is_estimated_from_its_multiply_adds(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(estimate, "_MAX_MEASURED", 1.0)
    counted = measure_stages.__wrapped__("resnet18", None)
    parts = anatomy(get_backbone("resnet18"))
    assert len(counted) == len(parts.stages) and min(counted) > 0
    # Called with the same arguments as in the measurement, it returns the cached value.
    pace = estimate._seconds_per_multiply_add(estimate.pick_device(), True)
    assert sum(counted) == pytest.approx(parts.multiply_adds * pace, rel=0.05)


def test_a_measurement_is_stored_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert measured_speeds(tmp_path) == {}
    seconds = stage_seconds("squeezenet1_1", None, tmp_path)
    stage_seconds("squeezenet1_1", 32, tmp_path)
    monkeypatch.setattr(estimate, "measure_stages", None)
    assert stage_seconds("squeezenet1_1", None, tmp_path) == seconds
    assert measured_speeds(tmp_path) == {"squeezenet1_1": pytest.approx(1 / sum(seconds))}
    assert [path.name for path in tmp_path.iterdir()] == ["speeds.json"]


def test_a_measurement_beside_a_run_is_not_stored(tmp_path: Path):
    stage_seconds("squeezenet1_1", None, tmp_path, is_quiet=False)
    assert measured_speeds(tmp_path) == {}
    quiet = stage_seconds("squeezenet1_1", None, tmp_path)
    assert measured_speeds(tmp_path)
    assert stage_seconds("squeezenet1_1", None, tmp_path, is_quiet=False) == quiet


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


def test_an_estimate_uses_the_time_per_image_that_a_run_measured(tmp_path: Path):
    a_split = split(100, 20, 20)
    chosen = config(STAGES, 3, False)
    stage_seconds(DEFAULT_BACKBONE, 64, tmp_path)
    before = estimate_run(chosen, a_split, tmp_path).seconds
    # Earlier versions stored one number, which included the set-up.
    remember(tmp_path, DEFAULT_BACKBONE, 64, [9.0], behind=STAGES)
    assert estimate_run(chosen, a_split, tmp_path).seconds == before
    remember(tmp_path, DEFAULT_BACKBONE, 64, [1.0, 7.0], behind=STAGES)
    assert estimate_run(chosen, a_split, tmp_path).seconds == pytest.approx(140 + 7, abs=5)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_damaged_file_of_measurements_counts_as_none(tmp_path: Path, content: str):
    (tmp_path / "speeds.json").write_text(content)
    assert measured_speeds(tmp_path) == {}
    stage_seconds("squeezenet1_1", None, tmp_path)
    assert list(measured_speeds(tmp_path)) == ["squeezenet1_1"]


@given(splits, st.integers(0, STAGES), st.integers(2, 30), st.booleans())
def test_more_epochs_and_more_images_take_longer(
    a_split: Split, frozen: int, epochs: int, augment: bool
):
    """From two epochs on: a single one caches nothing, so that its training check costs more."""
    small = estimate_run(config(frozen, epochs, augment), a_split).seconds
    longer = estimate_run(config(frozen, epochs + 1, augment), a_split).seconds
    assert 0 < small <= longer
    # An epoch of the head alone costs next to nothing.
    assert small < longer or frozen == STAGES
    for more in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        counts = (len(a_split.train), len(a_split.val), len(a_split.test))
        bigger = split(*(n + extra for n, extra in zip(counts, more, strict=True)))
        assert small < estimate_run(config(frozen, epochs, augment), bigger).seconds


@given(splits, st.integers(0, STAGES - 1), st.integers(1, 30))
def test_freezing_one_more_stage_never_takes_longer(a_split: Split, frozen: int, epochs: int):
    less, more = (
        estimate_run(config(n, epochs, False), a_split).seconds for n in (frozen, frozen + 1)
    )
    assert more <= less * (1 + 1e-9)


@given(splits, st.integers(2, 10), st.sampled_from([{"mixup": 0.2}, {"batch_norm": "adapt"}]))
def test_settings_that_rule_out_cached_activations_take_longer(
    a_split: Split, epochs: int, setting: dict
):
    plain, other = (
        estimate_run(config(STAGES, epochs, False, **more), a_split) for more in ({}, setting)
    )
    assert plain.views == 1 and other.views == 0
    assert plain.seconds < other.seconds


@given(splits, st.sampled_from(["two-phase", "gradual"]))
def test_unfreezing_later_is_quicker_than_at_once(a_split: Split, unfreeze: str):
    at_once, later = (
        estimate_run(config(0, 8, False, unfreeze=kind, head_epochs=5), a_split)
        for kind in ("never", unfreeze)
    )
    assert later.seconds < at_once.seconds


@pytest.mark.parametrize(
    ("frozen", "augment", "room", "more"),
    [
        (0, True, True, {}),
        (-1, True, True, {}),
        (3, False, True, {}),
        ("all", True, False, {}),
        ("all", True, True, {"mixup": 0.2}),
        ("all", True, True, {"batch_norm": "adapt"}),
        (-1, True, True, {"unfreeze": "two-phase", "head_epochs": 2, "epochs": 3}),
    ],
)
def test_estimated_views_are_those_that_a_run_caches(
    make_experiment: Callable[..., Experiment],
    tmp_path: Path,
    *,
    frozen: int | str,
    augment: bool,
    room: bool,
    more: dict,
):
    room_bytes = 10**9 if room else 1000
    kind = "photos" if augment else "none"
    experiment = make_experiment(**{"frozen_stages": frozen, "augment": kind, "epochs": 2, **more})
    experiment = replace(experiment, cache=RowCache(tmp_path / "cache", room_bytes, keep_free=0))
    for event in run_experiment(experiment):
        if (views := getattr(event, "facts", RunFacts()).cached_views) is not None:
            break
    assert estimate_run(experiment.config, experiment.split, None, room_bytes).views == views
    assert bool(views) is (room and frozen != 0 and not {"mixup", "batch_norm"} & set(more))
