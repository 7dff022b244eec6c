"""train.py is the run as a plain script: the same network, the same order, the same figures."""

import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from backbones.families import FAMILIES, images_for, library_model
from export.making_exports import make_tested
from making_runs import TINY, run_config

from tl_core.backbones import build_model, get_backbone
from tl_core.config import make_run_config
from tl_core.export import export_run
from tl_core.export.training_script import training_script, why_not
from tl_core.facts import RunFacts
from tl_core.runners import InlineRunner
from tl_core.training import make_plan

OURS = [name for name in FAMILIES if get_backbone(name).library == "torchvision"]
NAMES = OURS if os.environ.get("EVERY_FAMILY") else ["alexnet", "googlenet", "squeezenet1_1"]


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
RUNS = [FROZEN, GRADUAL, *([SCRATCH, TWO_PHASE] if os.environ.get("EVERY_FAMILY") else [])]


@pytest.mark.parametrize(
    "settings", RUNS, ids=["frozen", "gradual", "from scratch", "two-phase"][: len(RUNS)]
)
def test_the_script_trains_to_the_figures_of_the_run(
    workspace, colours, colours_folder, settings, train
):
    arguments, home = [], workspace.settings.home
    if settings.get("pretrained"):
        weights = home / "weights"
        weights.mkdir()
        torch.save(library_model("resnet18").state_dict(), weights / "resnet18.pth")
        arguments = ["--weights", weights / "resnet18.pth"]
    run = InlineRunner(workspace).submit(
        run_config(colours, {**TINY, "frozen_stages": 0, **settings})
    )
    assert run.result, run.message
    away = export_run(workspace, run.id, home / "away", ("onnx",)).path
    found = train(away / "train.py", colours_folder, *arguments)
    assert found["n"] == run.result.n
    assert found["test_accuracy"] == pytest.approx(run.result.accuracy)
    assert found["test_loss"] == pytest.approx(run.result.loss, rel=0.02)
    assert found["val_accuracy"] == pytest.approx(run.val_accuracy)


def test_augmented_it_trains_with_torchvisions_draws(
    workspace, colours, colours_folder, tmp_path, train
):
    augment = {"augment": "any-rotation", "blur": 0.5, "policy": "trivial", "erasing": 0.5}
    run = make_tested(workspace, colours, "squeezenet1_1", image_size=40, epochs=1, **augment)
    away = export_run(workspace, run.id, tmp_path / "away", ("onnx",)).path
    assert 0 <= train(away / "train.py", colours_folder)["test_accuracy"] <= 1
    assert "two seeds" in (away / "README.md").read_text("utf-8")
    with pytest.raises(SystemExit, match="30 of 30 images are not in"):
        train(away / "train.py", away / "receipt" / "nothing")


def subject_of(name, **settings):
    """As far as a script looks at one."""
    config = make_run_config(
        "d",
        {
            "backbone": name,
            "pretrained": False,
            "frozen_stages": 0,
            "image_size": FAMILIES[name],
            **settings,
        },
    )
    backbone = get_backbone(name)
    torch.manual_seed(0)
    model = build_model(backbone, config.model, 3, library_model(name)).eval()
    run = SimpleNamespace(id="r1", config=config, facts=RunFacts())
    pre = SimpleNamespace(
        size=32, resize=32, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bilinear"
    )
    checkpoint = SimpleNamespace(
        backbone=backbone, model=model, classes=("a", "b", "c"), preprocessing=pre
    )
    return SimpleNamespace(run=run, checkpoint=checkpoint, split=object())


@pytest.mark.parametrize("name", NAMES)
def test_its_network_is_the_runs(name, monkeypatch):
    subject = subject_of(name)
    script = {"__name__": "train"}
    monkeypatch.setitem(
        sys.modules,
        "predict",
        SimpleNamespace(HERE=None, normalise=None, open_rgb=None, prepare=None),
    )
    exec(compile(training_script(subject), "train.py", "exec"), script)
    theirs = script["build_model"]().eval()
    head = script["HEAD"]
    named = {
        f"{head}.{key.removeprefix('head.')}"
        if key.startswith("head.")
        else key.split(".", 2)[2]: value
        for key, value in subject.checkpoint.model.state_dict().items()
    }
    assert set(theirs.state_dict()) == set(named)
    state = theirs.state_dict()  # some networks want its metadata, too
    state.update(named)
    theirs.load_state_dict(state)
    images = images_for(name)
    with torch.no_grad():
        assert torch.allclose(theirs(images), subject.checkpoint.model(images), atol=1e-4)
    in_stages = [prefix for stage in script["STAGES"] for prefix in stage]
    for parameter, _ in theirs.named_parameters():
        belongs = [p for p in [*in_stages, head] if parameter == p or parameter.startswith(f"{p}.")]
        assert len(belongs) == 1
    assert len(script["PHASES"]) == len(make_plan(subject.run.config))


@pytest.mark.parametrize("schedule", ["constant", "step", "exponential", "cosine", "one-cycle"])
def test_its_learning_rate_is_the_runs(schedule, monkeypatch):
    from tl_core.training.schedules import make_schedule

    subject = subject_of("squeezenet1_1", schedule=schedule, epochs=7, warm_up=0.2, step_epochs=2)
    script = {"__name__": "train"}
    monkeypatch.setitem(
        sys.modules,
        "predict",
        SimpleNamespace(HERE=None, normalise=None, open_rgb=None, prepare=None),
    )
    exec(compile(training_script(subject), "train.py", "exec"), script)
    ours = make_schedule(subject.run.config.train, 5, 7)
    assert np.allclose(
        [script["factor"](step, 5, 35) for step in range(35)],
        [ours.factor(step) for step in range(35)],
    )


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"mixup": 0.2}, "mixup"),
        ({"ema": 0.9}, "EMA"),
        ({"loss": "focal"}, "focal"),
        ({"schedule": "plateau"}, "plateau"),
    ],
)
def test_what_it_cannot_say_exactly_it_does_not_say(settings, word):
    assert word in " ".join(why_not(subject_of("squeezenet1_1", **settings)))


def test_a_run_that_carries_on_from_another_has_no_script():
    subject = subject_of("squeezenet1_1")
    subject.run.facts = RunFacts(continues="another")
    assert "another run" in " ".join(why_not(subject))


def test_every_epoch_is_varied_anew(monkeypatch, tmp_path):
    subject = subject_of("squeezenet1_1", augment="photos")
    script = {"__name__": "train"}
    predict = SimpleNamespace(
        HERE=None, normalise=lambda pixels, _: pixels, open_rgb=None, prepare=None
    )
    monkeypatch.setitem(sys.modules, "predict", predict)
    exec(compile(training_script(subject), "train.py", "exec"), script)

    def drawn(epoch, workers):
        torch.manual_seed(epoch)
        rows = [(None, 0)] * 3
        read = lambda _: torch.rand(3, 2, 2)  # noqa: E731
        ((images, _),) = script["batches"](rows, read, range(3), workers, "cpu")
        return images

    for workers in (0, 1):
        assert not torch.equal(drawn(1, workers), drawn(2, workers))
        assert torch.equal(drawn(1, workers), drawn(1, workers))
