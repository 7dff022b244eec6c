"""Cached activations of the frozen prefix: the same losses with the cache and without."""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest
import torch
from backbones.families import FAMILIES, every_family, images_for, library_model
from torch import nn

from tl_core.backbones import (
    Frozen,
    TransferModel,
    build_model,
    freeze,
    get_backbone,
    preprocessing_for,
)
from tl_core.cache import RowCache
from tl_core.config import ModelConfig, make_run_config
from tl_core.events import BatchEnded, EpochEnded, FactsFound, StageAdvanced
from tl_core.events import Tested as WasTested
from tl_core.facts import RunFacts
from tl_core.features import CachedActivations, Examples, ImageExamples, OnnxPrefix, Side, prefix
from tl_core.features.prefix import TorchPrefix
from tl_core.records import DatasetRecord
from tl_core.training import Experiment, Learner, fit, make_plan, pick_device, run_experiment
from tl_core.training.frozen_part import phases_that_keep, views_of
from tl_core.training.schedules import Schedule
from tl_core.workspace import Workspace

Make = Callable[..., Experiment]


def figures(experiment: Experiment) -> tuple[list[float], list[FactsFound | StageAdvanced]]:
    """Return every loss and accuracy of a run, and its other events."""
    values: list[float] = []
    told = []
    for event in run_experiment(experiment):
        match event:
            case BatchEnded():
                values.append(event.loss)
            case EpochEnded():
                values += [event.train_loss, event.train_accuracy]
                values += [event.val_loss, event.val_accuracy]
            case WasTested(result):
                values += [result.loss, result.accuracy]
            case FactsFound() | StageAdvanced():
                told.append(event)
    return values, told


def facts_of(told: list) -> RunFacts:
    facts = (event.facts for event in told if isinstance(event, FactsFound))
    return reduce(RunFacts.merged, facts, RunFacts())


def n_prepared(told: list) -> int:
    return sum(
        isinstance(event, StageAdvanced) and event.stage == "preparing features" for event in told
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"frozen_stages": 3},
        {"frozen_stages": "all"},
        {"frozen_stages": -2, "unfreeze": "two-phase", "head_epochs": 1, "epochs": 3},
        {"frozen_stages": -2, "unfreeze": "gradual", "head_epochs": 1, "epochs": 3},
    ],
    ids=["some", "all", "two-phase", "gradual"],
)
def test_with_and_without_the_cache_a_run_is_the_same(
    make_experiment: Make, tmp_path: Path, settings: dict
):
    cache = RowCache(tmp_path / "cache", 10**9, keep_free=0)
    cached, told = figures(replace(make_experiment(home=tmp_path / "a", **settings), cache=cache))
    plain, untold = figures(replace(make_experiment(home=tmp_path / "b", **settings), cache=None))
    assert facts_of(told).cached_views == 1 and facts_of(untold).cached_views == 0
    assert cached == pytest.approx(plain, rel=2e-3, abs=1e-4)
    again, told = figures(replace(make_experiment(home=tmp_path / "c", **settings), cache=cache))
    assert again == cached and n_prepared(told) == 0, "a second run computes nothing anew"


def losses_of(
    name: str, workspace: Workspace, colours: DatasetRecord, cache: RowCache | None
) -> list[float]:
    """Return the losses of SGD with half the stages frozen, on images or on cached activations.

    BatchNorm is frozen: over few positions in a random network it would amplify rounding in the
    last digit to several percent in one step.
    """
    images = workspace.store.list_images(colours.id)[::3]
    backbone = get_backbone(name)
    side = FAMILIES[name]
    examples = ImageExamples(
        workspace.artifacts.dataset_folder(colours.id),
        images,
        [i % 3 for i in range(len(images))],
        preprocessing_for(backbone, side),
        5,
        torch.device("cpu"),
    )
    model = build_model(
        backbone, ModelConfig(backbone=name, image_size=side), 3, library_model(name, side)
    )
    cut = max(1, len(model.stages) // 2)
    freeze(model, Frozen(cut), "frozen")
    freeze_batch_norm(model)
    part: nn.Module = model
    read: Examples = examples
    if cache:
        kept = CachedActivations(cache, backbone, model, side)
        wanted = Side(examples, 1)
        assert [done for done, _ in kept.fill([wanted], [cut])][-1] == len(examples)
        assert kept.engine == (OnnxPrefix if prefix._WORTH_EXPORTING == 0 else TorchPrefix).title
        part = model.split()[1]
        read = kept.examples(wanted, cut)
    events = list(fit(part, read, read, learner_of(model), epochs=range(1, 3), total_epochs=2))
    return [event.loss for event in events if isinstance(event, BatchEnded)]


@every_family()
def test_every_family_has_the_same_losses_with_and_without_the_cache(
    name: str,
    workspace: Workspace,
    colours: DatasetRecord,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    # At 224 pixels even ten images would be worth an export.
    monkeypatch.setattr(prefix, "_WORTH_EXPORTING", float("inf"))
    cached = losses_of(name, workspace, colours, RowCache(tmp_path / "cache", 10**9, keep_free=0))
    assert cached == pytest.approx(losses_of(name, workspace, colours, None), rel=1e-4)
    assert len(set(cached)) > 1


@every_family(["mobilenet_v2", "test_vit"])
def test_onnx_runtime_gives_the_same_losses_up_to_rounding(
    name: str,
    workspace: Workspace,
    colours: DatasetRecord,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(prefix, "_WORTH_EXPORTING", 0)
    cached = losses_of(name, workspace, colours, RowCache(tmp_path / "cache", 10**9, keep_free=0))
    assert cached == pytest.approx(losses_of(name, workspace, colours, None), rel=1e-4)


def test_with_pytorch_alone_activations_from_onnx_runtime_are_not_used(
    make_experiment: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(prefix, "_WORTH_EXPORTING", 0)
    cache = RowCache(tmp_path / "cache", 10**9, keep_free=0)
    makers = []
    for home, only_torch in (("a", False), ("b", True), ("c", True)):
        experiment = make_experiment(home=tmp_path / home, frozen_stages=3, image_size=32)
        _, told = figures(replace(experiment, cache=cache, only_torch=only_torch))
        makers.append(facts_of(told).features_by)
    assert makers == [OnnxPrefix.title, TorchPrefix.title, TorchPrefix.title]


def freeze_batch_norm(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
            module.train = lambda mode=True, module=module: module


@every_family()
def test_a_split_network_has_bit_for_bit_the_same_logits_and_gradients(name: str):
    side = FAMILIES[name]
    images = images_for(name, 3)
    labels = torch.tensor([0, 1, 2])
    results = []
    for is_cut in (False, True):
        backbone = get_backbone(name)
        model = build_model(
            backbone, ModelConfig(backbone=name, image_size=side), 3, library_model(name, side)
        )
        freeze(model, Frozen(max(1, len(model.stages) // 2)), "frozen")
        model.train()
        prefix, rest = model.split()
        torch.manual_seed(0)
        logits = rest(prefix(images).detach()) if is_cut else model(images)
        learns = [parameter for parameter in model.parameters() if parameter.requires_grad]
        gradients = torch.autograd.grad(
            nn.functional.cross_entropy(logits, labels), learns, allow_unused=True
        )
        results.append([logits, *(gradient for gradient in gradients if gradient is not None)])
    assert all(map(torch.equal, *results))


def learner_of(model: TransferModel) -> Learner:
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [{"params": weights, "part": "head", "base_lr": 1e-2}]
    return Learner(
        model=model,
        optimizer=torch.optim.SGD(groups, lr=1e-2),
        schedule=Schedule(lambda step: 1.0),
        loss=nn.functional.cross_entropy,
        device=pick_device(),
        images_per_step=5,
        clip_norm=1.0,
    )


def test_gradual_unfreezing_computes_all_activations_in_one_pass(
    make_experiment: Make, tmp_path: Path
):
    cache = RowCache(tmp_path / "cache", 10**9, keep_free=0)
    settings = {"frozen_stages": -3, "unfreeze": "gradual", "head_epochs": 1, "epochs": 4}
    experiment = replace(make_experiment(image_size=32, **settings), cache=cache)
    _, told = figures(experiment)
    advanced = [
        event
        for event in told
        if isinstance(event, StageAdvanced) and event.stage == "preparing features"
    ]
    n = len(experiment.split.train) + len(experiment.split.val)
    assert advanced[-1].done == advanced[-1].total == n
    assert [event.done for event in advanced] == sorted({event.done for event in advanced})


def test_if_activations_do_not_fit_a_run_trains_on_images_and_says_so(
    make_experiment: Make, tmp_path: Path
):
    experiment = replace(
        make_experiment(frozen_stages=3), cache=RowCache(tmp_path / "cache", 1000, keep_free=0)
    )
    _, told = figures(experiment)
    facts = facts_of(told)
    assert facts.cached_views == 0
    assert "does not fit" in facts.cache_note and "every epoch" in facts.cache_note


def test_values_too_large_for_float16_are_cached_as_float32_and_a_run_says_so(
    make_experiment: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    compute = TorchPrefix.__call__

    def compute_large(self, images):
        return tuple(output * 1e6 for output in compute(self, images))

    monkeypatch.setattr(TorchPrefix, "__call__", compute_large)
    courses = []
    for precision in ("float32", "float16"):
        cache = RowCache(tmp_path / precision, 10**9, keep_free=0)
        home = tmp_path / f"run in {precision}"
        experiment = make_experiment(
            home=home, frozen_stages=3, image_size=32, feature_precision=precision
        )
        values, told = figures(replace(experiment, cache=cache))
        # Without the test, which reads images unless activations are exact.
        courses.append(values[:-2])
    assert courses[0] == courses[1]
    facts = facts_of(told)
    assert facts.cached_views == 1 and not facts.cache_note
    assert "too large for float16 (" in facts.precision_note
    assert "ends at 65,504)" in facts.precision_note


def kept_epochs(row_bytes: int = 1000, **settings) -> list[tuple[int, int]]:
    config = make_run_config("d", {"backbone": "tf_efficientnet_lite0", **settings})
    return [
        (phase.first_epoch, phase.last_epoch)
        for phase in phases_that_keep(config, make_plan(config), lambda _: row_bytes)
    ]


def test_activations_are_cached_if_several_epochs_use_them():
    assert kept_epochs(epochs=2) == [(1, 2)]
    assert kept_epochs(epochs=1) == [], "used once, they need not be kept"
    assert kept_epochs(epochs=9, mixup=0.2) == kept_epochs(epochs=9, cutmix=0.2) == []
    assert kept_epochs(epochs=9, frozen_stages=0) == []
    assert kept_epochs(epochs=9, frozen_stages=2, batch_norm="adapt") == []
    gradual = {"unfreeze": "gradual", "head_epochs": 2, "frozen_stages": -2, "epochs": 4}
    assert kept_epochs(**gradual) == [(1, 2), (3, 3), (4, 4)]
    assert kept_epochs(row_bytes=10**6, **gradual) == [(1, 2)], "too large for a single epoch's use"


def test_views_are_shared_by_all_phases_and_can_be_chosen():
    config = make_run_config("d", {"epochs": 10, "views": 7})
    assert views_of(config, 5000, make_plan(config)) == 7
    config = make_run_config("d", {"epochs": 10})
    assert views_of(config, 5000, make_plan(config)) == 2
    assert views_of(config, 100, make_plan(config)) == 5
    assert views_of(config, 100, ()) == 0
