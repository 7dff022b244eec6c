"""train.py repeats the run: the same network, the same order of images, the same results."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from backbones.families import FAMILIES, every_family, images_for, library_model
from export.making_exports import make_tested
from making_runs import WITH_BATCH_NORM, run_config
from torchvision.models import ResNet18_Weights

from tl_core.backbones import build_model, freeze, get_backbone
from tl_core.config import make_run_config
from tl_core.export import export_run
from tl_core.export.network_names import weight_name
from tl_core.export.training_script import training_script, why_not
from tl_core.facts import RunFacts
from tl_core.records import Preprocessing
from tl_core.runners import InlineRunner
from tl_core.training import make_plan

FEW = ["alexnet", "googlenet", "squeezenet1_1", "tf_efficientnet_lite0", "test_vit"]
FROZEN = {
    "epochs": 2,
    "pretrained": True,
    "frozen_stages": "all",
    "class_balance": "weights",
    "label_smoothing": 0.1,
    "hidden_units": "8",
    "dropout": 0.2,
    "optimizer": "gd",
}
GRADUAL = {
    "epochs": 3,
    "pretrained": True,
    "unfreeze": "gradual",
    "head_epochs": 1,
    "frozen_stages": -2,
    "frozen_names": "layer4.0.bn1",
    "class_balance": "sampling",
    "accumulate": 2,
    "schedule": "one-cycle",
    "clip_norm": 1.0,
}
SCRATCH = {"epochs": 2, "learning_rate": 1e-4, "batch_size": 9, "warm_up": 0.3}
TWO_PHASE = {
    **GRADUAL,
    "unfreeze": "two-phase",
    "schedule": "step",
    "step_epochs": 2,
    "optimizer": "nesterov",
}
RUNS = [
    pytest.param(FROZEN, id="frozen"),
    pytest.param(GRADUAL, id="gradual"),
    pytest.param(SCRATCH, id="from scratch", marks=pytest.mark.slow),
    pytest.param(TWO_PHASE, id="two-phase", marks=pytest.mark.slow),
]


@pytest.fixture
def published(workspace, monkeypatch):
    """Weights of a ResNet-18 in the folders of the app and of torchvision."""
    ours = workspace.settings.home / "weights" / "resnet18.pth"
    downloads = workspace.settings.home / "torch" / "hub" / "checkpoints"
    theirs = downloads / Path(ResNet18_Weights.IMAGENET1K_V1.url).name
    for file in (ours, theirs):
        file.parent.mkdir(parents=True)
        torch.save(library_model("resnet18").state_dict(), file)
    monkeypatch.setenv("TORCH_HOME", str(workspace.settings.home / "torch"))


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("settings", RUNS)
def test_the_script_reproduces_the_results_of_the_run(
    workspace, colours, colours_folder, settings, train
):
    config = run_config(colours, {**WITH_BATCH_NORM, "frozen_stages": 0, **settings})
    run = InlineRunner(workspace).submit(config)
    assert run.result, run.message
    away = export_run(workspace, run.id, workspace.settings.home / "away", ("onnx",)).path
    found = train(away / "train.py", colours_folder)
    assert found["n"] == run.result.n
    assert found["test_accuracy"] == pytest.approx(run.result.accuracy)
    assert found["test_loss"] == pytest.approx(run.result.loss, rel=0.02)
    assert found["val_accuracy"] == pytest.approx(run.val_accuracy)


def test_the_script_augments_with_torchvision(workspace, colours, colours_folder, tmp_path, train):
    augment = {"augment": "any-rotation", "blur": 0.5, "policy": "trivial", "erasing": 0.5}
    run = make_tested(workspace, colours, "squeezenet1_1", image_size=40, epochs=1, **augment)
    away = export_run(workspace, run.id, tmp_path / "away", ("onnx",)).path
    assert 0 <= train(away / "train.py", colours_folder)["test_accuracy"] <= 1
    assert "two seeds" in (away / "README.md").read_text("utf-8")
    with pytest.raises(SystemExit, match="30 of 30 images are not in"):
        train(away / "train.py", away / "receipt" / "nothing")


def subject_of(name, **settings):
    """Make a stand-in for a `Subject`, with the parts that a script depends on."""
    defaults = {"pretrained": False, "frozen_stages": 0, "image_size": FAMILIES[name]}
    config = make_run_config("d", {"backbone": name, **defaults, **settings})
    backbone = get_backbone(name)
    torch.manual_seed(0)
    model = build_model(backbone, config.model, 3, library_model(name)).eval()
    run = SimpleNamespace(id="r1", config=config, facts=RunFacts())
    pre = Preprocessing(32, 32, (0.5,) * 3, (0.5,) * 3, "bilinear")
    checkpoint = SimpleNamespace(
        backbone=backbone, model=model, classes=("a", "b", "c"), preprocessing=pre
    )
    return SimpleNamespace(run=run, checkpoint=checkpoint, split=object())


@pytest.fixture
def definitions(monkeypatch):
    """Function that returns the definitions in a subject's train.py, without running its main()."""

    def of(subject, normalise=None):
        predict = SimpleNamespace(HERE=None, normalise=normalise, open_rgb=None, prepare=None)
        monkeypatch.setitem(sys.modules, "predict", predict)
        script = {"__name__": "train"}
        exec(compile(training_script(subject), "train.py", "exec"), script)
        return script

    return of


def filled_network(script, subject):
    """Build the script's network, with the weights of the run's model."""
    backbone = subject.checkpoint.backbone
    weights = subject.checkpoint.model.state_dict()
    theirs = script["build_model"]()
    named = {weight_name(backbone, key): each for key, each in weights.items()}
    # Updated, not replaced: some networks also need the metadata of their state.
    state = theirs.state_dict()
    assert set(state) == set(named)
    state.update(named)
    theirs.load_state_dict(state)
    return theirs


@every_family(FEW)
def test_its_network_is_that_of_the_run(name, definitions):
    subject = subject_of(name)
    script = definitions(subject)
    theirs = filled_network(script, subject).eval()
    head = script["HEAD"]
    images = images_for(name)
    with torch.no_grad():
        assert torch.allclose(theirs(images), subject.checkpoint.model(images), atol=1e-4)
    in_stages = [prefix for stage in script["STAGES"] for prefix in stage]
    for parameter, _ in theirs.named_parameters():
        owners = [name for name in (*in_stages, head) if f"{parameter}.".startswith(f"{name}.")]
        assert len(owners) == 1
    assert len(script["PHASES"]) == len(make_plan(subject.run.config))


@every_family(FEW)
def test_in_training_its_network_computes_and_draws_the_same(name, definitions):
    subject = subject_of(name)
    model = subject.checkpoint.model
    theirs = filled_network(definitions(subject), subject)
    images = images_for(name, 5)
    outputs = []
    for each in (model, theirs):
        torch.manual_seed(3)
        with torch.no_grad():
            outputs.append(each.train()(images))
    assert torch.allclose(*outputs, atol=1e-4)
    assert_alike(theirs.state_dict(), model.state_dict(), subject)


@pytest.mark.parametrize("batch_norm", ["frozen", "adapt"])
@every_family(FEW)
def test_it_freezes_what_the_run_froze(name, batch_norm, definitions):
    subject = subject_of(
        name, pretrained=True, weights="file:own.pth", frozen_stages=-1, batch_norm=batch_norm
    )
    backbone = subject.checkpoint.backbone
    model = subject.checkpoint.model
    script = definitions(subject)
    theirs = filled_network(script, subject)
    (_, _, n_stages, also, _) = script["PHASES"][-1]
    script["freeze"](theirs, n_stages, also)
    (*_, phase) = make_plan(subject.run.config)
    freeze(model, phase.frozen, batch_norm)
    model.train()
    ours = {
        weight_name(backbone, key): each.requires_grad for key, each in model.named_parameters()
    }
    assert {key: each.requires_grad for key, each in theirs.named_parameters()} == ours
    before = {key: each.clone() for key, each in theirs.state_dict().items()}
    images = images_for(name, 5)
    for each in (model, theirs):
        torch.manual_seed(3)
        with torch.no_grad():
            each(images)
    after = theirs.state_dict()
    assert_alike(after, model.state_dict(), subject)
    frozen = [prefix for stage in script["STAGES"][:n_stages] for prefix in stage]
    if batch_norm == "frozen":
        unchanged = [key for key in after if script["belongs"](key, frozen)]
        assert all(torch.equal(before[key], after[key]) for key in unchanged)


def assert_alike(theirs, ours, subject):
    """Assert that weights and BatchNorm statistics agree."""
    for key, each in ours.items():
        name = weight_name(subject.checkpoint.backbone, key)
        assert torch.allclose(theirs[name].float(), each.float(), atol=1e-5), name


@pytest.mark.parametrize("schedule", ["constant", "step", "exponential", "cosine", "one-cycle"])
def test_its_learning_rate_is_that_of_the_run(schedule, definitions):
    from tl_core.training.schedules import make_schedule

    subject = subject_of("squeezenet1_1", schedule=schedule, epochs=7, warm_up=0.2, step_epochs=2)
    script = definitions(subject)
    ours = make_schedule(subject.run.config.train, 5, 7)
    theirs = [script["factor"](step, 5, 35) for step in range(35)]
    assert np.allclose(theirs, [ours.factor(step) for step in range(35)])


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"mixup": 0.2}, "mixup"),
        ({"ema": 0.9}, "EMA"),
        ({"loss": "focal"}, "focal"),
        ({"schedule": "plateau"}, "plateau"),
    ],
)
def test_settings_that_it_cannot_repeat_are_refused(settings, word):
    assert word in " ".join(why_not(subject_of("squeezenet1_1", **settings)))


def test_a_run_that_continues_another_has_no_script():
    subject = subject_of("squeezenet1_1")
    subject.run.facts = RunFacts(continues="another")
    assert "another run" in " ".join(why_not(subject))


def test_every_epoch_is_augmented_anew(definitions):
    subject = subject_of("squeezenet1_1", augment="photos")
    script = definitions(subject, normalise=lambda pixels, _: pixels)

    def draw_images(epoch, workers):
        torch.manual_seed(epoch)
        rows = [(None, 0)] * 3
        read = lambda _: torch.rand(3, 2, 2)  # noqa: E731
        ((images, _),) = script["batches"](rows, read, range(3), workers, "cpu")
        return images

    for workers in (0, 1):
        assert not torch.equal(draw_images(1, workers), draw_images(2, workers))
        assert torch.equal(draw_images(1, workers), draw_images(1, workers))
