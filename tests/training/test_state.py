"""Stopped anywhere and resumed, a run gives bit for bit the numbers of an uninterrupted one."""

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tl_core.cancellation import NEVER
from tl_core.config import RunConfig, make_run_config
from tl_core.errors import RunNotReady
from tl_core.events import BatchEnded, EpochEnded, Event, FactsFound, GoesOn, StageStarted
from tl_core.events import Tested as WasTested
from tl_core.training import (
    Experiment,
    Learner,
    build_experiment_model,
    fit,
    load_checkpoint,
    make_plan,
    run_experiment,
)
from tl_core.training.losses import make_loss
from tl_core.training.optimizers import make_optimizer
from tl_core.training.schedules import make_schedule
from tl_core.training.state import (
    StateDamaged,
    TrainingState,
    forget_state_before,
    load_state,
    save_state,
)

Make = Callable[..., Experiment]

SMALL = {"image_size": 32}
RECIPES: dict[str, dict] = {
    "feature extraction": {
        "hidden_units": 8,
        "dropout": 0.4,
        "augment": "photos",
        "ema": 0.9,
        "epochs": 4,
    },
    "two-phase": {
        "frozen_stages": -1,
        "unfreeze": "two-phase",
        "head_epochs": 2,
        "epochs": 4,
        "optimizer": "momentum",
        "schedule": "plateau",
        "plateau_patience": 0,
        "label_smoothing": 0.1,
        "augment": "photos",
        "dropout": 0.3,
    },
    "gradual": {
        "frozen_stages": -3,
        "unfreeze": "gradual",
        "head_epochs": 1,
        "unfreeze_every": 2,
        "epochs": 5,
        "optimizer": "adam",
        "schedule": "one-cycle",
        "l2_sp": 0.1,
        "ema": 0.8,
    },
    "full fine-tuning": {
        "frozen_stages": 0,
        "mixup": 0.4,
        "cutmix": 1.0,
        "optimizer": "rmsprop",
        "schedule": "step",
        "step_epochs": 1,
        "accumulate": 2,
        "batch_size": 4,
        "clip_norm": 1.0,
        "epochs": 3,
    },
    "adapting": {
        "frozen_stages": -1,
        "batch_norm": "adapt",
        "optimizer": "nesterov",
        "schedule": "exponential",
        "class_balance": "sampling",
        "early_stopping": 1,
        "min_delta": 0.5,
        "epochs": 4,
    },
    "gradient descent": {
        "optimizer": "gd",
        "loss": "focal",
        "class_balance": "weights",
        "schedule": "plateau",
        "epochs": 4,
    },
    "gradual, plateau": {
        "frozen_stages": -2,
        "unfreeze": "gradual",
        "head_epochs": 2,
        "epochs": 4,
        "optimizer": "adagrad",
        "learning_rate": 5.0,
        "schedule": "plateau",
        "plateau_patience": 0,
    },
}


def run_until(
    experiment: Experiment, stop: Callable[[Event], bool] = lambda _: False
) -> list[Event]:
    """Return the events up to the first for which `stop` is true; close the run there."""
    events = []
    running = run_experiment(experiment)
    for event in running:
        events.append(event)
        if stop(event):
            running.close()
    return events


def events_after(events: list[Event], after: int = 0) -> list[Event]:
    """Return the events of the epochs after epoch `after`, and of the test."""
    return [e for e in events if isinstance(e, WasTested) or getattr(e, "epoch", 0) > after]


def steps_of(events: list[Event]) -> list[int]:
    return [event.step for event in events if isinstance(event, BatchEnded)]


@pytest.mark.parametrize("recipe", RECIPES)
def test_stopping_and_resuming_repeatedly_changes_nothing(
    make_experiment: Make, tmp_path: Path, recipe: str
):
    settings = {**SMALL, **RECIPES[recipe]}
    uninterrupted = run_until(make_experiment(home=tmp_path / "uninterrupted", **settings))
    experiment = make_experiment(home=tmp_path / "stopped", **settings)
    last_step = steps_of(uninterrupted)[-1]
    done = 0
    pieces = []
    # Every third step lies within epochs as well as at their ends.
    for step in range(2, last_step + 1, 3):
        events = run_until(
            experiment,
            lambda event, step=step: isinstance(event, BatchEnded) and event.step == step,
        )
        pieces.append((done, events))
        done = max([done, *(event.epoch for event in events if isinstance(event, EpochEnded))])
    pieces.append((done, run_until(experiment)))
    for after, events in pieces:
        begun = events_after(events, after)
        expected = events_after(uninterrupted, after)
        assert begun == expected[: len(begun)], f"resumed after epoch {after}"
    assert events_after(pieces[-1][1], done)[-1] == uninterrupted[-1]
    best, other = (
        load_checkpoint(tmp_path / name / "model.safetensors").model
        for name in ("uninterrupted", "stopped")
    )
    pairs = zip(best.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    "optimizer", ["gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
)
def test_every_optimizer_can_be_resumed(make_experiment: Make, tmp_path: Path, optimizer: str):
    settings = {**SMALL, "optimizer": optimizer, "epochs": 3, "weight_decay": 0.1}
    uninterrupted = run_until(make_experiment(home=tmp_path / "uninterrupted", **settings))
    experiment = make_experiment(home=tmp_path / "stopped", **settings)
    run_until(experiment, lambda event: isinstance(event, EpochEnded) and event.epoch == 2)
    assert events_after(run_until(experiment), 2) == events_after(uninterrupted, 2)


def test_a_resumed_run_reports_its_last_finished_epoch_again(make_experiment: Make):
    experiment = make_experiment(**SMALL, epochs=3)
    events = run_until(experiment, lambda event: isinstance(event, EpochEnded) and event.epoch == 2)
    ended = events[-1]
    steps = tuple(e for e in events if isinstance(e, BatchEnded) and e.epoch == 2)
    again = [StageStarted("reading images"), GoesOn(2, steps), ended]
    assert run_until(experiment)[:3] == again


def test_a_trained_but_untested_run_resumes_with_the_test(make_experiment: Make, tmp_path: Path):
    uninterrupted = run_until(make_experiment(home=tmp_path, **SMALL))
    experiment = make_experiment(**SMALL)
    run_until(experiment, lambda event: event == StageStarted("testing"))
    events = run_until(experiment)
    assert not steps_of(events) and events[-1] == uninterrupted[-1]
    assert StageStarted("training") not in events


def test_early_stopping_holds_on_resuming_unless_more_epochs_are_requested(
    make_experiment: Make,
):
    settings = {**SMALL, "early_stopping": 1, "min_delta": 5.0}
    experiment = make_experiment(**settings, epochs=6)
    events = run_until(experiment, lambda event: event == StageStarted("testing"))
    assert sum(isinstance(event, EpochEnded) for event in events) == 2
    assert not steps_of(run_until(experiment))
    assert steps_of(run_until(make_experiment(**settings, epochs=7)))


@pytest.mark.parametrize(
    "recipe", ["feature extraction", "two-phase", "gradual", "full fine-tuning"]
)
def test_a_finished_run_can_be_continued_for_more_epochs(make_experiment: Make, recipe: str):
    settings = {**SMALL, **RECIPES[recipe]}
    epochs = settings.pop("epochs")
    run_until(make_experiment(**settings, epochs=epochs))
    experiment = make_experiment(**settings, epochs=epochs + 2)
    events = run_until(experiment)
    ended = [event.epoch for event in events if isinstance(event, EpochEnded)]
    assert ended == [epochs, epochs + 1, epochs + 2]
    assert isinstance(events[-1], WasTested)
    n_steps = math.ceil(len(experiment.split.train) / 8)
    assert steps_of(events) == list(range(epochs * n_steps + 1, (epochs + 2) * n_steps + 1))


def test_a_run_of_one_epoch_with_an_average_can_be_continued(make_experiment: Make):
    """One epoch trains on images, several train on cached activations; both share the state."""
    run_until(make_experiment(**SMALL, ema=0.9, epochs=1))
    assert isinstance(run_until(make_experiment(**SMALL, ema=0.9, epochs=3))[-1], WasTested)


def test_the_state_of_other_settings_is_refused(make_experiment: Make):
    run_until(make_experiment(**SMALL))
    with pytest.raises(RunNotReady, match="other settings"):
        run_until(make_experiment(**SMALL, learning_rate=0.5))


@pytest.mark.parametrize("keep", [0, 10, 0.5, -1])
def test_a_damaged_state_raises_a_readable_error(make_experiment: Make, keep: float):
    experiment = make_experiment(**SMALL)
    run_until(experiment)
    forget_state_before(experiment.state_path)
    content = experiment.state_path.read_bytes()
    if isinstance(keep, float):
        keep = int(keep * len(content))
    experiment.state_path.write_bytes(content[:keep])
    with pytest.raises(RunNotReady, match=r"training-state\.pt of run \w+ cannot be read"):
        run_until(experiment)
    torch.save({"weights": torch.zeros(3)}, experiment.state_path)
    with pytest.raises(RunNotReady, match="cannot be read"):
        load_state(experiment.state_path, experiment.config)


@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_no_changed_byte_of_a_state_is_taken_for_training(place: float, change: int):
    """Either the change is found, or it lies where nothing is: in padding and dates."""
    path, config, state = a_state()
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= change
    changed = path.with_name("changed.pt")
    changed.write_bytes(content)
    try:
        found = load_state(changed, config)
    except StateDamaged:
        return
    assert found.last == state.last and found.steps == state.steps
    assert all(torch.equal(found.model[name], tensor) for name, tensor in state.model.items())


@cache
def a_state() -> tuple[Path, RunConfig, TrainingState]:
    """Write a small state; return its file, settings and content."""
    path = Path(tempfile.mkdtemp()) / "state.pt"
    config = make_run_config("0123456789abcdef", {"epochs": 5})
    last = EpochEnded(3, 6, 0.5, 0.75, 8, 0.25, 1.0, (), is_best=True, learning_rate=0.1)
    steps = (BatchEnded(3, 5, 10, 0.1 + 0.2, 4), BatchEnded(3, 6, 10, 1e-9, 4))
    model = {"head.weight": torch.arange(200.0)}
    learner = {"is_over": False, "notes": ["One."], "pieces": None}
    state = TrainingState(config, (1.0, -0.25), model, learner, last, steps)
    save_state(path, state)
    return path, config, state


def test_a_state_keeps_the_steps_of_its_epoch_to_the_last_bit():
    path, config, state = a_state()
    assert load_state(path, config).steps == state.steps


def test_a_damaged_newest_state_falls_back_to_the_one_before_it(
    make_experiment: Make, tmp_path: Path
):
    settings = {**SMALL, "epochs": 4}
    uninterrupted = run_until(make_experiment(home=tmp_path / "uninterrupted", **settings))
    experiment = make_experiment(home=tmp_path / "damaged", **settings)
    run_until(experiment, lambda event: isinstance(event, EpochEnded) and event.epoch == 3)
    content = bytearray(experiment.state_path.read_bytes())
    half = len(content) // 2
    content[half : half + 2000] = bytes(byte ^ 255 for byte in content[half : half + 2000])
    experiment.state_path.write_bytes(content)
    events = run_until(experiment)
    [facts] = [e.facts for e in events if isinstance(e, FactsFound) and e.facts.notes]
    assert "went on after epoch 2, from the state before it" in facts.notes[0]
    assert [e.after_epoch for e in events if isinstance(e, GoesOn)] == [2]
    assert events_after(events, 2) == events_after(uninterrupted, 2)


def test_with_a_frozen_backbone_the_state_holds_only_the_head(make_experiment: Make):
    experiment = make_experiment(**SMALL)
    run_until(experiment)
    assert experiment.state_path.stat().st_size < 200_000 < experiment.checkpoint.stat().st_size
    assert [path.name for path in experiment.state_path.parent.glob("*.unfinished")] == []


def test_two_phase_training_equals_two_runs_by_hand(make_experiment: Make, tmp_path: Path):
    settings = {**SMALL, "optimizer": "adam", "weight_decay": 0.1, "batch_size": 8}
    phases = {
        "unfreeze": "two-phase",
        "head_epochs": 2,
        "epochs": 4,
        "frozen_stages": 0,
        "fine_tune_rate": 0.2,
    }
    together = make_experiment(home=tmp_path / "together", **settings, **phases)
    losses = [(e.epoch, e.loss) for e in run_until(together) if isinstance(e, BatchEnded)]

    first = make_experiment(home=tmp_path / "first", **settings, frozen_stages="all", epochs=2)
    by_hand = [(e.epoch, e.loss) for e in run_until(first) if isinstance(e, BatchEnded)]

    head = 1e-2
    backbone = 1e-3
    second = make_experiment(
        home=tmp_path / "second",
        **settings,
        frozen_stages=0,
        epochs=2,
        learning_rate=head * 0.2,
        backbone_learning_rate=backbone * 0.2,
    )
    model, _ = build_experiment_model(second)
    model.load_state_dict(load_state(first.state_path, first.config).model, strict=False)
    events = fit_by_hand(second, model, range(3, 5))
    by_hand += [(e.epoch, e.loss) for e in events if isinstance(e, BatchEnded)]
    assert losses == by_hand


def fit_by_hand(experiment: Experiment, model: torch.nn.Module, epochs: range) -> list[Event]:
    train = experiment.config.train
    [phase] = make_plan(experiment.config)
    train_examples = experiment.examples(experiment.split.train, augment=True)
    val_examples = experiment.examples(experiment.split.val)
    steps = math.ceil(len(train_examples) / train.batch_size)
    learner = Learner(
        model=model,
        optimizer=make_optimizer(train, model, phase.rates),
        schedule=make_schedule(train, steps, len(epochs)),
        loss=make_loss(train, experiment.class_counts, experiment.device.torch_device),
        device=experiment.device,
        images_per_step=train.batch_size,
        first_step=(epochs.start - 1) * steps,
    )
    examples = (train_examples, val_examples)
    return list(fit(model, *examples, learner, epochs=epochs, total_epochs=4, seed=train.seed))


def test_a_reduced_micro_batch_is_part_of_the_state(
    make_experiment: Make, monkeypatch: pytest.MonkeyPatch
):
    experiment = make_experiment(**SMALL, epochs=3)
    forward = torch.nn.Linear.forward

    def tight(self: torch.nn.Linear, inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs) > 4 and self.training:
            raise torch.OutOfMemoryError
        return forward(self, inputs)

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.Linear, "forward", tight)
        events = run_until(experiment, lambda event: isinstance(event, EpochEnded))
    [facts] = [
        event.facts for event in events if isinstance(event, FactsFound) and event.facts.micro_batch
    ]
    assert facts.micro_batch == 4 and len(facts.notes) == 1
    state = load_state(experiment.state_path, experiment.config)
    assert (state.learner["pieces"], state.learner["notes"]) == (4, list(facts.notes))
    assert isinstance(run_until(replace(experiment, stop=NEVER))[-1], WasTested)
