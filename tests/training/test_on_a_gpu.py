"""A CUDA GPU gives the same results as a CPU up to rounding, without needless synchronisation."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tl_core.cache import RowCache
from tl_core.data.device_transfer import Arriving, send
from tl_core.evaluation import predict
from tl_core.events import EpochEnded
from tl_core.events import Tested as WasTested
from tl_core.features import FeatureExamples
from tl_core.training import Device, Experiment, load_checkpoint, run_experiment

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
Make = Callable[..., Experiment]
CPU = torch.device("cpu")
CUDA = torch.device("cuda")


def test_tensors_come_back_as_they_were_sent():
    numbers = [torch.randn(1000, 1000) for _ in range(20)]
    arriving = [Arriving([(send(each, CUDA) * 2, send(each, CUDA))]) for each in numbers]
    for each, (doubled, same) in zip(numbers, arriving, strict=True):
        assert torch.equal(doubled, each * 2) and torch.equal(same, each)


def test_batches_of_activations_equal_those_on_a_cpu_and_never_synchronise():
    activations = torch.randn(3, 50, 4, 2, 2)
    labels = torch.arange(50) % 3
    plain = FeatureExamples(activations, labels, range(50), 8, CPU, seed=1)
    there = FeatureExamples(activations.cuda(), labels, range(50), 8, CUDA, seed=1)
    torch.cuda.set_sync_debug_mode("error")
    try:
        batches = list(there.epoch(2))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for one, other in zip(plain.epoch(2), batches, strict=True):
        assert torch.equal(one.inputs, other.inputs.cpu())
        assert torch.equal(one.labels, other.labels.cpu())
        assert one.positions == other.positions


@pytest.mark.parametrize("model", [{}, {"frozen_stages": -2}], ids=["features", "fine-tuning"])
def test_with_and_without_the_cache_a_run_is_the_same_to_rounding(
    make_experiment: Make, tmp_path: Path, model: dict
):
    losses = []
    for name, cache in (("a", RowCache(tmp_path / "cache", 10**9, keep_free=0)), ("b", None)):
        experiment = replace(make_experiment(model, home=tmp_path / name, epochs=2), cache=cache)
        ends = [event for event in run_experiment(experiment) if isinstance(event, EpochEnded)]
        losses.append([end.val_loss for end in ends])
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_test_predictions_on_a_gpu_equal_the_saved_models_on_a_cpu(make_experiment: Make):
    experiment = make_experiment(epochs=1)
    [tested] = [event for event in run_experiment(experiment) if isinstance(event, WasTested)]
    on_cpu = replace(experiment, device=Device(CPU, "CPU")).examples(experiment.split.test)
    outputs = predict(load_checkpoint(experiment.checkpoint).model, on_cpu)
    for here, there in zip(outputs.predictions(), tested.predictions, strict=True):
        assert here.probabilities == pytest.approx(there.probabilities, abs=1e-4)
