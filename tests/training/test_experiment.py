"""A whole run on real images and real weights: its order, its promises, its repeatability."""

import itertools
from collections.abc import Callable

import pytest
import torch

from tl_core.data.images import image_path
from tl_core.errors import Cancelled
from tl_core.evaluation import predict
from tl_core.events import STAGES, BatchEnded, EpochEnded, FactsFound, StageAdvanced, StageStarted
from tl_core.events import Tested as WasTested
from tl_core.training import Experiment, load_checkpoint, run_experiment

Make = Callable[..., Experiment]


def facts_of(events: list) -> dict:
    found: dict = {}
    for event in events:
        if isinstance(event, FactsFound):
            found |= event.facts
    return found


def test_the_four_stages_come_in_order_and_learn_the_colours(make_experiment: Make):
    experiment = make_experiment(epochs=10)
    events = list(run_experiment(experiment))
    assert tuple(event.stage for event in events if isinstance(event, StageStarted)) == STAGES
    stage = ""
    belongs = {"training": (BatchEnded, EpochEnded), "testing": (StageAdvanced, WasTested)}
    for event in events:
        if isinstance(event, StageStarted):
            stage = event.stage
        elif not isinstance(event, FactsFound):
            assert isinstance(event, belongs.get(stage, StageAdvanced))
            assert getattr(event, "stage", stage) == stage
    assert isinstance(events[-1], WasTested) and events[-1].result.n == len(experiment.split.test)
    assert events[-1].result.accuracy == 1.0
    assert events[-1].result.baseline_accuracy == pytest.approx(1 / 3, abs=0.01)
    assert [p.position for p in events[-1].predictions] == list(experiment.split.test)
    for name in ("preparing features", "testing"):
        own = [event for event in events if isinstance(event, StageAdvanced) and event.stage == name]
        done = [event.done for event in own]
        assert done == sorted(set(done)) and {event.total for event in own} == {done[-1]}


def test_facts_are_those_of_the_model(make_experiment: Make):
    experiment = make_experiment({"frozen_stages": 7, "hidden_units": 16}, epochs=1)
    facts = facts_of(list(run_experiment(experiment)))
    checkpoint = load_checkpoint(experiment.checkpoint)
    parameters = list(checkpoint.model.parameters())
    assert facts["trainable_parameters"] == sum(p.numel() for p in parameters if p.requires_grad)
    assert facts["total_parameters"] == sum(p.numel() for p in parameters)
    assert facts["frozen_stages"] == 7 and facts["cached_views"] == 1
    assert facts["splits"] == {side: len(getattr(experiment.split, side)) for side in ("train", "val", "test")}


@pytest.mark.parametrize(
    ("model", "train"),
    [({"dropout": 0.4, "hidden_units": 8}, {"augment": True}), ({"frozen_stages": 6}, {"augment": True, "epochs": 1})],
    ids=["features", "fine-tuning"],
)
def test_the_same_choices_give_the_same_numbers_to_the_last_bit(make_experiment: Make, model: dict, train: dict):
    first, second = (list(run_experiment(make_experiment(model, **train))) for _ in range(2))
    assert first == second
    other = list(run_experiment(make_experiment(model, **train, seed=1)))
    assert other[-1].predictions != first[-1].predictions


def test_the_checkpoint_is_of_the_best_epoch(make_experiment: Make):
    experiment = make_experiment(epochs=6, optimizer="sgd", learning_rate=10, seed=2)
    best, written = None, None
    for event in run_experiment(experiment):
        if isinstance(event, EpochEnded):
            now = experiment.checkpoint.stat().st_mtime_ns
            assert (now != written) is event.is_best
            best, written = (event if event.is_best else best), now
    assert best.epoch < 6, "the last epoch was the best: this shows nothing about the others"
    kept = predict(load_checkpoint(experiment.checkpoint).model, experiment.examples(experiment.split.val))
    assert kept.loss == pytest.approx(best.val_loss, rel=1e-4)
    for now, then in zip(kept.predictions(), best.val_predictions, strict=True):
        assert now.probabilities == pytest.approx(then.probabilities, abs=1e-5)


def test_the_test_images_are_read_last_and_nothing_else_then(make_experiment: Make):
    experiment = make_experiment(epochs=1)
    paths = [image_path(experiment.dataset_folder, image) for image in experiment.images]
    test = {paths[i] for i in experiment.split.test}
    hidden = {path: path.read_bytes() for path in test}
    for path in hidden:
        path.unlink()
    for event in run_experiment(experiment):
        if event == StageStarted("testing"):
            for path in set(paths) - test:
                path.unlink()
            for path, content in hidden.items():
                path.write_bytes(content)
    assert isinstance(event, WasTested)


def test_frozen_stages_in_the_checkpoint_are_the_pretrained_ones(make_experiment: Make):
    models = []
    for seed in (0, 1):
        experiment = make_experiment({"frozen_stages": 6}, seed=seed, epochs=1)
        list(run_experiment(experiment))
        models.append(load_checkpoint(experiment.checkpoint).model.state_dict())
    for name, tensor in models[0].items():
        is_frozen = name.startswith("stages") and int(name.split(".")[1]) < 6
        assert torch.equal(tensor, models[1][name]) is is_frozen or name.endswith("num_batches_tracked"), name


@pytest.mark.parametrize("frozen", [0, "all"])
def test_a_batch_may_be_a_single_image(make_experiment: Make, frozen: int | str):
    events = list(run_experiment(make_experiment({"frozen_stages": frozen}, epochs=1, batch_size=1)))
    assert {event.n for event in events if isinstance(event, BatchEnded)} == {1}
    assert isinstance(events[-1], WasTested)


@pytest.mark.parametrize("after", [0, 1, 5, 40, 400])
def test_it_stops_wherever_it_is_asked_to(make_experiment: Make, after: int):
    """Counted in questions, so that it is asked while building, preparing, training and testing alike."""
    asked = itertools.count()
    experiment = make_experiment({"frozen_stages": 8}, lambda: next(asked) >= after, epochs=1)
    with pytest.raises(Cancelled):
        list(run_experiment(experiment))
    assert next(asked) <= after + 3, "it went on after it was told to stop"
