"""Learning-rate finder: its suggestion trains well, has a reason, and leaves no trace."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tl_core.cancellation import Stop
from tl_core.errors import Cancelled
from tl_core.events import BatchEnded, EpochEnded
from tl_core.events import Tested as WasTested
from tl_core.training import Experiment, run_experiment
from tl_core.training.lr_finder import (
    HIGHEST,
    LOWEST,
    RateFinding,
    _conclude,
    _follow,
    find_learning_rate,
)

Make = Callable[..., Experiment]
RATES = np.geomspace(LOWEST, HIGHEST, 100).tolist()


def valley(falls_at: float, runs_away_at: float, noise: float = 0.0) -> list[float]:
    """Return a smoothed loss that falls from 2 to 0.2 around one rate and diverges at another."""
    wavering = np.random.default_rng(0).normal(0, noise, len(RATES))
    raw = [
        0.2 + 1.8 / (1 + (rate / falls_at) ** 2) + (rate / runs_away_at) ** 3 + more
        for rate, more in zip(RATES, wavering, strict=True)
    ]
    return list(_follow(iter(raw), len(RATES)))


def everything_in(folder: Path) -> dict[Path, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and "cache" not in path.parts]
    return {path: path.read_bytes() for path in files if "transferlab.db" not in path.name}


@given(falls_at=st.floats(1e-4, 0.1), room=st.floats(30, 1e4), noise=st.sampled_from([0.0, 0.03]))
def test_the_suggestion_is_near_the_steepest_fall_and_well_below_divergence(
    falls_at: float, room: float, noise: float
):
    losses = valley(falls_at, falls_at * room, noise)
    suggestion, reason = _conclude(RATES, losses)
    assert falls_at / 5 < suggestion < 10 * falls_at
    if len(losses) < len(RATES):
        assert suggestion <= RATES[len(losses) - 1] / 10
    assert float(f"{suggestion:.2g}") == suggestion
    assert "fell fastest at" in reason and reason.endswith(".")


@pytest.mark.parametrize(
    "losses",
    [[2.0] * 100, list(np.linspace(2, 8, 80)), [2.0 - i / 1000 for i in range(100)], [], [1.0]],
)
def test_without_a_falling_loss_there_is_a_reason_but_no_suggestion(losses: list[float]):
    suggestion, reason = _conclude(RATES, losses)
    assert suggestion is None and reason.startswith("The loss never fell")


@given(losses=st.lists(st.floats(0.1, 3), min_size=1, max_size=100))
def test_smoothed_losses_stay_within_the_range_of_losses(losses: list[float]):
    smoothed = list(_follow(iter(losses), 100))
    assert smoothed[0] == pytest.approx(losses[0])
    assert all(min(losses) - 1e-9 <= loss <= max(losses) + 1e-9 for loss in smoothed)


@pytest.mark.parametrize("end", [math.nan, math.inf, 1e4])
def test_the_search_ends_when_the_loss_diverges(end: float):
    followed = list(_follow(iter([1.0] * 30 + [end] * 70), 100))
    assert len(followed) == (31 if math.isfinite(end) else 30)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"frozen_stages": -1, "batch_norm": "adapt"},
        {"optimizer": "gd", "loss": "focal", "class_balance": "weights"},
        {"mixup": 0.2, "cutmix": 1, "frozen_stages": -1, "accumulate": 2, "batch_size": 4},
        {
            "unfreeze": "two-phase",
            "frozen_stages": -1,
            "head_epochs": 1,
            "class_balance": "sampling",
        },
    ],
    ids=["features", "adapting", "gradient descent", "mixing", "two-phase"],
)
def test_the_finder_works_for_every_recipe_and_leaves_traces_only_in_the_cache(
    make_experiment: Make, settings: dict
):
    experiment = make_experiment(image_size=32, **settings)
    told = []
    home = experiment.checkpoint.parent
    before = everything_in(home)
    state = torch.get_rng_state()
    finding = find_learning_rate(experiment, 20, told.append)
    assert torch.equal(torch.get_rng_state(), state)
    assert everything_in(home) == before
    assert told == sorted(told) and told[-1] == 1 and 0 <= told[0] <= 1
    assert len(finding.rates) == len(finding.losses) <= 20 and finding.reason.endswith(".")
    rates = np.geomspace(LOWEST, HIGHEST, 20)
    assert list(finding.rates) == pytest.approx(rates[: len(finding.rates)])
    assert 0 < finding.n <= len(experiment.split.train)


def test_the_finder_is_reproducible(make_experiment: Make):
    first, second = (
        find_learning_rate(make_experiment(dropout=0.4, augment="photos"), 20) for _ in range(2)
    )
    assert first == second


def test_the_suggested_rate_trains_well(make_experiment: Make):
    finding = find_learning_rate(make_experiment())
    assert isinstance(finding, RateFinding) and finding.suggestion is not None
    experiment = make_experiment(epochs=8, learning_rate=finding.suggestion)
    ends = [event for event in run_experiment(experiment) if isinstance(event, EpochEnded)]
    assert ends[-1].val_accuracy == 1.0


def test_the_finder_does_not_change_later_training(make_experiment: Make, tmp_path: Path):
    runs = []
    for name in ("without", "with"):
        home = tmp_path / name
        home.mkdir()
        experiment = make_experiment({"frozen_stages": -1, "dropout": 0.3}, home=home, epochs=1)
        if name == "with":
            find_learning_rate(experiment, 20)
        kinds = BatchEnded | EpochEnded | WasTested
        runs.append([event for event in run_experiment(experiment) if isinstance(event, kinds)])
    assert runs[0] == runs[1]


def test_the_finder_stops_when_asked_to(make_experiment: Make):
    for after in (0, 40, 150):
        asked = iter(range(10_000))
        stop = Stop(lambda asked=asked, after=after: next(asked) >= after)
        with pytest.raises(Cancelled):
            find_learning_rate(make_experiment(stop=stop))
