"""What a run will take, said before it starts: positive, growing with the work, and in step with what a run does."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tl_core.backbones import CATALOG
from tl_core.config import DEFAULT_BACKBONE, RunConfig, make_run_config
from tl_core.records import Split
from tl_core.training import Experiment, estimate, run_experiment
from tl_core.training.estimate import estimate_run, stage_seconds

STAGES = len(CATALOG[DEFAULT_BACKBONE].stages)


def config(frozen: int, epochs: int, augment: bool) -> RunConfig:
    return make_run_config({"dataset_id": "x"}, {"frozen_stages": frozen}, {"epochs": epochs, "augment": augment})


def split(n_train: int, n_val: int, n_test: int) -> Split:
    positions = iter(range(n_train + n_val + n_test))
    return Split(*(tuple(next(positions) for _ in range(n)) for n in (n_train, n_val, n_test)))


sizes = st.integers(1, 300)
splits = st.builds(split, sizes, sizes, sizes)


def test_every_stage_takes_time_and_nothing_random_is_drawn():
    before = torch.get_rng_state()
    seconds = stage_seconds.__wrapped__(DEFAULT_BACKBONE)
    assert len(seconds) == STAGES and min(seconds) > 0
    assert torch.equal(before, torch.get_rng_state())


@given(splits, st.integers(0, STAGES), st.integers(1, 30), st.booleans())
def test_more_epochs_and_more_images_take_longer(given_split: Split, frozen: int, epochs: int, augment: bool):
    small = estimate_run(config(frozen, epochs, augment), given_split).seconds
    longer = estimate_run(config(frozen, epochs + 1, augment), given_split).seconds
    assert 0 < small <= longer
    assert small < longer or frozen == STAGES, "only behind the whole backbone does an epoch cost nothing worth saying"
    for more in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        counts = (len(given_split.train), len(given_split.val), len(given_split.test))
        bigger = split(*(n + extra for n, extra in zip(counts, more, strict=True)))
        assert small < estimate_run(config(frozen, epochs, augment), bigger).seconds


@given(splits, st.integers(0, STAGES - 1), st.integers(1, 30))
def test_freezing_one_more_stage_never_takes_longer(given_split: Split, frozen: int, epochs: int):
    less, more = (estimate_run(config(n, epochs, False), given_split).seconds for n in (frozen, frozen + 1))
    assert more <= less * (1 + 1e-9)


@pytest.mark.parametrize(
    ("frozen", "augment", "room"), [(0, True, True), (9, True, True), (5, False, True), (9, True, False)]
)
def test_the_views_are_those_a_run_keeps(
    make_experiment: Callable[..., Experiment],
    monkeypatch: pytest.MonkeyPatch,
    frozen: int,
    augment: bool,
    room: bool,
):
    if not room:
        monkeypatch.setattr(estimate, "MAX_FEATURE_BYTES", 1000)
        monkeypatch.setattr("tl_core.features.extract.MAX_FEATURE_BYTES", 1000)
    experiment = make_experiment({"frozen_stages": frozen}, augment=augment, epochs=2)
    for event in run_experiment(experiment):
        if "cached_views" in (facts := getattr(event, "facts", {})):
            break
    assert estimate_run(experiment.config, experiment.split).views == facts["cached_views"]
    assert bool(facts["cached_views"]) is (room and frozen > 0)
