"""What a run will take, said before it starts: positive, growing with the work, and in step with what a run does."""

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
def test_every_stage_takes_time_and_nothing_random_is_drawn(name: str, side: int | None):
    before = torch.get_rng_state()
    seconds = measure_stages.__wrapped__(name, side)
    assert len(seconds) == len(anatomy(get_backbone(name), side).stages) and min(seconds) > 0
    assert torch.equal(before, torch.get_rng_state())


def test_of_a_network_too_big_to_be_measured_the_work_is_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(estimate, "_MAX_MEASURED", 1.0)
    counted, parts = measure_stages.__wrapped__("resnet18", None), anatomy(get_backbone("resnet18"))
    assert len(counted) == len(parts.stages) and min(counted) > 0
    pace = estimate._seconds_per_multiply_add(
        estimate.pick_device(), True
    )  # as it was asked for, and so kept
    assert sum(counted) == pytest.approx(parts.multiply_adds * pace, rel=0.05)


def test_what_was_measured_once_is_known_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert measured_speeds(tmp_path) == {}
    seconds = stage_seconds("squeezenet1_1", None, tmp_path)
    stage_seconds("squeezenet1_1", 32, tmp_path)
    monkeypatch.setattr(estimate, "measure_stages", None)
    assert stage_seconds("squeezenet1_1", None, tmp_path) == seconds
    assert measured_speeds(tmp_path) == {"squeezenet1_1": pytest.approx(1 / sum(seconds))}
    assert [path.name for path in tmp_path.iterdir()] == ["speeds.json"]


def test_what_is_measured_beside_a_run_is_not_remembered(tmp_path: Path):
    stage_seconds("squeezenet1_1", None, tmp_path, is_quiet=False)
    assert measured_speeds(tmp_path) == {}
    quiet = stage_seconds("squeezenet1_1", None, tmp_path)
    assert (
        measured_speeds(tmp_path)
        and stage_seconds("squeezenet1_1", None, tmp_path, is_quiet=False) == quiet
    )


@given(st.integers(1, 64), st.integers(0, 400), st.floats(0, 60), st.floats(1e-3, 1))
def test_the_pace_of_images_is_found_without_the_start_and_not_from_a_few(
    batch: int, n: int, start: float, each: float
):
    now = 0.0
    pace = Pace(clock=lambda: now)
    for done in [*range(batch, n, batch), n] if n else []:
        now = start + done * each
        pace.see(done)
    found = pace.found()
    if n - batch < 64:
        assert found is None, "an aborted run's few images would be remembered with its start"
    else:
        assert found == {
            "seconds": pytest.approx(each),
            "start_seconds": pytest.approx(start, abs=1e-6),
        }


def test_an_estimate_goes_by_the_pace_that_a_run_found(tmp_path: Path):
    given_split, chosen = split(100, 20, 20), config(STAGES, 3, False)
    stage_seconds(DEFAULT_BACKBONE, 64, tmp_path)
    before = estimate_run(chosen, given_split, tmp_path).seconds
    remember(
        tmp_path, DEFAULT_BACKBONE, 64, [9.0], behind=STAGES
    )  # as earlier versions did, start and all
    assert estimate_run(chosen, given_split, tmp_path).seconds == before
    remember(tmp_path, DEFAULT_BACKBONE, 64, [1.0, 7.0], behind=STAGES)
    assert estimate_run(chosen, given_split, tmp_path).seconds == pytest.approx(140 + 7, abs=5)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, content: str):
    (tmp_path / "speeds.json").write_text(content)
    assert measured_speeds(tmp_path) == {}
    stage_seconds("squeezenet1_1", None, tmp_path)
    assert list(measured_speeds(tmp_path)) == ["squeezenet1_1"]


@given(splits, st.integers(0, STAGES), st.integers(2, 30), st.booleans())
def test_more_epochs_and_more_images_take_longer(
    given_split: Split, frozen: int, epochs: int, augment: bool
):
    """From two epochs on: of a single one nothing is kept, and the look at training images at the end costs more."""
    small = estimate_run(config(frozen, epochs, augment), given_split).seconds
    longer = estimate_run(config(frozen, epochs + 1, augment), given_split).seconds
    assert 0 < small <= longer
    assert small < longer or frozen == STAGES, (
        "only behind the whole backbone does an epoch cost nothing worth saying"
    )
    for more in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        counts = (len(given_split.train), len(given_split.val), len(given_split.test))
        bigger = split(*(n + extra for n, extra in zip(counts, more, strict=True)))
        assert small < estimate_run(config(frozen, epochs, augment), bigger).seconds


@given(splits, st.integers(0, STAGES - 1), st.integers(1, 30))
def test_freezing_one_more_stage_never_takes_longer(given_split: Split, frozen: int, epochs: int):
    less, more = (
        estimate_run(config(n, epochs, False), given_split).seconds for n in (frozen, frozen + 1)
    )
    assert more <= less * (1 + 1e-9)


@given(splits, st.integers(2, 10), st.sampled_from([{"mixup": 0.2}, {"batch_norm": "adapt"}]))
def test_what_makes_kept_features_useless_takes_longer(
    given_split: Split, epochs: int, setting: dict
):
    plain, other = (
        estimate_run(config(STAGES, epochs, False, **more), given_split) for more in ({}, setting)
    )
    assert plain.views == 1 and other.views == 0
    assert plain.seconds < other.seconds


@given(splits, st.sampled_from(["two-phase", "gradual"]))
def test_to_unfreeze_later_is_quicker_than_at_once(given_split: Split, unfreeze: str):
    at_once, later = (
        estimate_run(config(0, 8, False, unfreeze=kind, head_epochs=5), given_split)
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
def test_the_views_are_those_a_run_keeps(
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
