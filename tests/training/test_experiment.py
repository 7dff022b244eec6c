"""Whole runs on real images and weights: order of events, guarantees and reproducibility."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import torch

from tl_core.cancellation import Stop
from tl_core.data.images import image_path
from tl_core.errors import Cancelled
from tl_core.evaluation import predict
from tl_core.events import (
    STAGES,
    BatchEnded,
    EpochEnded,
    FactsFound,
    GoesOn,
    PreviewFitted,
    StageAdvanced,
    StageStarted,
)
from tl_core.events import Tested as WasTested
from tl_core.facts import RunFacts
from tl_core.outputs import load_epochs, load_outputs
from tl_core.training import Experiment, build_experiment_model, load_checkpoint, run_experiment
from tl_core.training.testing import n_checked

Make = Callable[..., Experiment]


def facts_of(events: list) -> RunFacts:
    facts = (event.facts for event in events if isinstance(event, FactsFound))
    return reduce(RunFacts.merged, facts, RunFacts())


def learned(events: Iterable) -> list:
    """Return the events that do not depend on activations cached by earlier runs."""
    return [event for event in events if isinstance(event, BatchEnded | EpochEnded | WasTested)]


def test_the_four_stages_come_in_order_and_learn_the_colours(make_experiment: Make):
    experiment = make_experiment(epochs=10)
    events = list(run_experiment(experiment))
    assert tuple(event.stage for event in events if isinstance(event, StageStarted)) == STAGES
    stage = ""
    belongs = {
        "preparing features": (StageAdvanced, PreviewFitted),
        "training": (BatchEnded, EpochEnded),
        "testing": (StageAdvanced, WasTested),
    }
    for event in events:
        if isinstance(event, StageStarted):
            stage = event.stage
        elif not isinstance(event, FactsFound | GoesOn):
            assert isinstance(event, belongs.get(stage, StageAdvanced))
            assert getattr(event, "stage", stage) == stage
    assert isinstance(events[-1], WasTested) and events[-1].result.n == len(experiment.split.test)
    assert events[-1].result.accuracy == 1.0
    assert events[-1].result.baseline_accuracy == pytest.approx(1 / 3, abs=0.01)
    assert [p.position for p in events[-1].predictions] == list(experiment.split.test)
    for name in ("preparing features", "testing"):
        own = [
            event for event in events if isinstance(event, StageAdvanced) and event.stage == name
        ]
        done = [event.done for event in own]
        assert done == sorted(set(done)) and {event.total for event in own} == {done[-1]}


def test_facts_are_those_of_the_model(make_experiment: Make):
    experiment = make_experiment({"frozen_stages": 7, "hidden_units": 16}, epochs=2)
    facts = facts_of(list(run_experiment(experiment)))
    checkpoint = load_checkpoint(experiment.checkpoint)
    parameters = list(checkpoint.model.parameters())
    assert facts.trainable_parameters == sum(p.numel() for p in parameters if p.requires_grad)
    assert facts.total_parameters == sum(p.numel() for p in parameters)
    assert facts.frozen_stages == 7 and facts.cached_views == 1
    assert facts.splits.model_dump() == {
        side: len(getattr(experiment.split, side)) for side in ("train", "val", "test")
    }


@pytest.mark.parametrize(
    "model", [{}, {"frozen_stages": -1}, {"frozen_stages": 0, "batch_norm": "adapt"}]
)
def test_the_training_check_evaluates_the_saved_model_without_augmentation(
    make_experiment: Make, model: dict
):
    experiment = make_experiment(model, epochs=2, augment="photos", dropout=0.5)
    events = list(run_experiment(experiment))
    (place,) = [
        i for i, e in enumerate(events) if isinstance(e, FactsFound) and e.facts.train_check
    ]
    last_epoch = max(i for i, e in enumerate(events) if isinstance(e, EpochEnded))
    assert last_epoch < place < len(events) - 1
    saved = load_checkpoint(experiment.checkpoint).model
    outputs = predict(saved, experiment.examples(experiment.split.train))
    check = events[place].facts.train_check
    assert (check.n, check.accuracy) == (len(experiment.split.train), outputs.accuracy)
    assert check.loss == pytest.approx(outputs.loss, abs=1e-3)


@pytest.mark.parametrize(
    ("n_train", "n_val", "expected"),
    [(30, 6, 30), (3000, 600, 600), (3000, 60, 500), (400, 900, 400)],
)
def test_the_training_check_is_as_large_as_validation_but_at_least_500_if_available(
    n_train: int, n_val: int, expected: int
):
    assert n_checked(n_train, n_val) == expected


def test_facts_hold_the_plan_the_weights_and_the_split(make_experiment: Make):
    settings = {
        "frozen_stages": -2,
        "unfreeze": "two-phase",
        "head_epochs": 1,
        "epochs": 2,
        "fine_tune_rate": 0.5,
    }
    experiment = make_experiment(settings)
    facts = facts_of(list(run_experiment(experiment)))
    first, second = facts.plan
    assert (first.first_epoch, first.last_epoch) == (1, 1)
    assert (second.first_epoch, second.last_epoch) == (2, 2)
    assert (first.frozen_stages, second.frozen_stages) == (9, 7) and facts.frozen_stages == 7
    assert first.rates == (*[0.0] * 9, 0.01)
    assert second.rates == pytest.approx([0.0] * 7 + [0.0005, 0.0005, 0.005])
    assert "fitted" in facts.weights or "efficientnet" in facts.weights.lower()
    prints = dict(facts.split_fingerprint)
    assert set(prints) == {"train", "val", "test"} and len(set(prints.values())) == 3


def test_runs_on_the_same_split_have_the_same_fingerprint(make_experiment: Make, tmp_path: Path):
    fingerprints = []
    for number, more in enumerate(({"seed": 1}, {"seed": 2}, {"split_seed": 1})):
        experiment = make_experiment(home=tmp_path / str(number), epochs=1, **more)
        fingerprints.append(facts_of(list(run_experiment(experiment))).split_fingerprint)
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


@pytest.mark.parametrize(
    ("model", "train"),
    [
        ({"dropout": 0.4, "hidden_units": 8}, {"augment": "photos"}),
        ({"frozen_stages": 6}, {"augment": "photos", "epochs": 1, "mixup": 0.2}),
    ],
    ids=["features", "fine-tuning"],
)
def test_the_same_settings_give_the_same_numbers_to_the_last_bit(
    make_experiment: Make, tmp_path: Path, model: dict, train: dict
):
    first, second, other = (
        learned(
            run_experiment(make_experiment(model, home=tmp_path / name, **{**train, "seed": seed}))
        )
        for name, seed in (("first", 0), ("second", 0), ("other", 1))
    )
    assert first == second
    assert other[-1].predictions != first[-1].predictions


def test_the_checkpoint_holds_the_best_epoch(make_experiment: Make):
    experiment = make_experiment(epochs=6, optimizer="momentum", learning_rate=10, seed=2)
    best = None
    written = None
    for event in run_experiment(experiment):
        if isinstance(event, EpochEnded):
            now = experiment.checkpoint.stat().st_mtime_ns
            assert (now != written) is event.is_best
            best = event if event.is_best else best
            written = now
    assert best.epoch < 6, "the last epoch was the best: this shows nothing about the others"
    kept = predict(
        load_checkpoint(experiment.checkpoint).model, experiment.examples(experiment.split.val)
    )
    assert kept.loss == pytest.approx(best.val_loss, rel=1e-4)
    for now, then in zip(kept.predictions(), best.val_predictions, strict=True):
        assert now.probabilities == pytest.approx(then.probabilities, abs=1e-5)


@pytest.mark.parametrize(
    ("model", "still"),
    [
        ({}, [False, True, True]),
        ({"frozen_stages": -1, "ema": 0.5}, [False, False, False]),
        ({"unfreeze": "two-phase", "frozen_stages": -1, "head_epochs": 2}, [False, True, False]),
    ],
    ids=["frozen", "fine-tuned", "two-phase"],
)
def test_stored_logits_are_the_heads_outputs_for_the_stored_features(
    make_experiment: Make, tmp_path: Path, model: dict, still: list[bool]
):
    experiment = replace(make_experiment(model, epochs=3), outputs=tmp_path / "outputs")
    events = learned(run_experiment(experiment))
    ends = [event for event in events if isinstance(event, EpochEnded)]
    tested = events[-1]
    best = [end for end in ends if end.is_best][-1]
    network = load_checkpoint(experiment.checkpoint).model
    for split, predictions in (("val", best.val_predictions), ("test", tested.predictions)):
        kept = load_outputs(tmp_path / "outputs", split)
        assert kept.positions.tolist() == [p.position for p in predictions]
        now = torch.from_numpy(kept.logits).double().softmax(1)
        assert now.numpy() == pytest.approx(
            np.array([p.probabilities for p in predictions]), abs=1e-5
        )
        with torch.inference_mode():
            assert network.head(torch.from_numpy(kept.features).float()).numpy() == pytest.approx(
                kept.logits, abs=0.02
            )
    epochs = list(load_epochs(tmp_path / "outputs"))
    assert [epoch.answers.tolist() for epoch in epochs] == [
        [p.predicted for p in end.val_predictions] for end in ends
    ]
    assert [epoch.stands_still for epoch in epochs] == still


def test_the_test_images_are_read_last_and_nothing_else_then(make_experiment: Make):
    experiment = make_experiment(epochs=1)
    paths = [image_path(experiment.dataset_folder, image) for image in experiment.images]
    test = {paths[i] for i in experiment.split.test}
    hidden = {path: path.read_bytes() for path in test}
    for path in hidden:
        path.unlink()
    for event in run_experiment(experiment):
        if isinstance(event, FactsFound) and event.facts.train_check:
            for path in set(paths) - test:
                path.unlink()
            for path, content in hidden.items():
                path.write_bytes(content)
    assert isinstance(event, WasTested)


@pytest.mark.parametrize(
    "recipe",
    [
        {"frozen_stages": 6, "augment": "photos"},
        {"frozen_stages": 3, "ema": 0.5, "l2_sp": 0.1, "optimizer": "momentum"},
        {"frozen_stages": -1, "mixup": 1.0, "clip_norm": 1.0},
        {"frozen_stages": 5, "unfreeze": "two-phase", "head_epochs": 1},
        {"frozen_stages": 7, "unfreeze": "gradual", "head_epochs": 1, "ema": 0.9},
        {"frozen_stages": 2, "frozen_names": ["*bn*"]},
        {"frozen_layers": 30},
    ],
    ids=str,
)
def test_frozen_weights_do_not_change(make_experiment: Make, recipe: dict):
    experiment = make_experiment(**recipe)
    before, _ = build_experiment_model(experiment)
    list(run_experiment(experiment))
    trained = load_checkpoint(experiment.checkpoint).model
    frozen = {id(p) for p in before.parameters() if not p.requires_grad}
    still = {
        name
        for path, module in before.named_modules()
        if module in before.still
        for name in (f"{path}.{own}" for own, _ in module.named_buffers(recurse=False))
    }
    moved = 0
    for (name, tensor), now in zip(
        before.state_dict(keep_vars=True).items(), trained.state_dict().values(), strict=True
    ):
        if id(tensor) in frozen or name in still:
            assert torch.equal(tensor, now), name
        else:
            moved += not torch.equal(tensor, now)
    assert moved > 0


@pytest.mark.parametrize("frozen", [0, "all"])
def test_a_batch_may_be_a_single_image(make_experiment: Make, frozen: int | str):
    events = list(
        run_experiment(make_experiment({"frozen_stages": frozen}, epochs=1, batch_size=1))
    )
    assert {event.n for event in events if isinstance(event, BatchEnded)} == {1}
    assert isinstance(events[-1], WasTested)


@pytest.mark.parametrize("after", [0, 1, 5, 20, 50])
def test_a_run_stops_in_any_stage(make_experiment: Make, after: int):
    """Counted in polls, which occur while building, preparing, training and testing."""
    asked = itertools.count()
    experiment = make_experiment(
        {"frozen_stages": 8, "ema": 0.5, "l2_sp": 0.1}, Stop(lambda: next(asked) >= after), epochs=1
    )
    with pytest.raises(Cancelled):
        list(run_experiment(experiment))
    assert next(asked) <= after + 3, "the run went on after it was asked to stop"
