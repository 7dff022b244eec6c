"""A train.py whose initial weights torchvision lacks starts from start.pth and repeats the run."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest
import timm
import torch
from backbones.families import library_model
from making_runs import run_config

from tl_core.export import export_run
from tl_core.export.initial_weights import Unrepeatable, first_model
from tl_core.export.subject import find_subject
from tl_core.export.training_script import write_training_script
from tl_core.runners import InlineRunner

ALONE = """
import runpy, sys
sys.modules["tl_core"] = None
sys.argv = sys.argv[1:]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Program that runs a script without access to tl_core."""
SCRATCH = {
    "pretrained": False,
    "frozen_stages": 0,
    "image_size": 64,
    "learning_rate": 1e-4,
    "warm_up": 0.3,
}
RUNS = {
    "modules by name": {"frozen_stages": 1, "frozen_names": "blocks.2*,conv_head", "epochs": 1},
    "from random weights": {
        **SCRATCH,
        "backbone": "convnext_atto",
        "class_balance": "sampling",
        "epochs": 1,
    },
}
MORE = {
    "default": {"image_size": 224},
    "two-phase": {
        "unfreeze": "two-phase",
        "head_epochs": 1,
        "frozen_stages": -1,
        "learning_rate": 1e-4,
    },
    "frozen": {"hidden_units": "8", "dropout": 0.2},
    "the default from random weights": SCRATCH,
    "attention": {
        **SCRATCH,
        "backbone": "swin_tiny_patch4_window7_224",
        "image_size": 224,
        "epochs": 1,
    },
}


@pytest.mark.parametrize(
    "settings",
    [
        *(pytest.param(settings, id=name) for name, settings in RUNS.items()),
        *(pytest.param(more, id=name, marks=pytest.mark.slow) for name, more in MORE.items()),
    ],
)
def test_with_timm_it_trains_to_the_figures_of_the_run(
    workspace, colours, colours_folder, settings, train
):
    config = run_config(colours, {"image_size": 64, "learning_rate": 1e-4, **settings})
    run = InlineRunner(workspace).submit(config)
    assert run.result, run.message
    away = export_run(workspace, run.id, workspace.settings.home / "away", ("safetensors",)).path
    found = train(away / "train.py", colours_folder, may_import_timm=True)
    assert found["n"] == run.result.n
    assert found["test_accuracy"] == pytest.approx(run.result.accuracy)
    assert found["test_loss"] == pytest.approx(run.result.loss, rel=0.001)
    assert found["val_accuracy"] == pytest.approx(run.val_accuracy)


def test_the_default_trains_again_in_a_process_of_its_own(
    workspace, colours, colours_folder, tmp_path
):
    settings = {
        "frozen_stages": -2,
        "batch_norm": "adapt",
        "dropout": 0.3,
        "epochs": 1,
        "learning_rate": 1e-4,
    }
    run = InlineRunner(workspace).submit(run_config(colours, {"image_size": 64, **settings}))
    assert run.result, run.message
    away = export_run(workspace, run.id, tmp_path / "away", ("safetensors",)).path
    arguments = [str(away / "train.py"), str(colours_folder), "--workers", "0"]
    command = [sys.executable, "-c", ALONE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["test_accuracy"] == pytest.approx(run.result.accuracy)
    assert found["test_loss"] == pytest.approx(run.result.loss, rel=1e-4)


def test_card_and_script_name_start_pth_and_timm(exported):
    assert {"train.py", "start.pth"} <= {file.name for file in exported.path.iterdir()}
    card = (exported.path / "README.md").read_text("utf-8")
    assert "except for rounding" in card and "`start.pth`:" in card
    script = (exported.path / "train.py").read_text("utf-8")
    wanted = f" timm=={version('timm')} "
    assert wanted in card and wanted in script and "timm.create_model" in script


def test_weights_have_timms_names(exported):
    state = torch.load(exported.path / "start.pth", weights_only=True)
    prefix = "backbone."
    network = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    network.load_state_dict(
        {key.removeprefix(prefix): each for key, each in state.items() if key.startswith(prefix)}
    )


def bound_outputs(network):
    return torch.nn.Sequential(network, torch.nn.Hardtanh(0, 0.1))


def average_faster(network):
    network.bn1.momentum = 0.5
    return network


@pytest.mark.parametrize("change", [bound_outputs, average_faster])
def test_without_the_same_network_in_timm_there_is_no_script(
    finished, monkeypatch, tmp_path, change
):
    workspace, run = finished
    make = timm.create_model

    def other(name, **options):
        network = make(name, **options)
        return change(network) if options.get("num_classes") == 0 else network

    monkeypatch.setattr(timm, "create_model", other)
    with pytest.raises(Unrepeatable, match="tf_efficientnet_lite0"):
        write_training_script(find_subject(workspace, run.id), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_own_weights_are_exported_while_their_file_is_unchanged(
    workspace, colours, colours_folder, tmp_path, train
):
    file = workspace.settings.home / "weights" / "mine.pth"
    file.parent.mkdir()
    weights = library_model("squeezenet1_1").state_dict()
    torch.save(weights, file)
    own = {
        "backbone": "squeezenet1_1",
        "image_size": 40,
        "learning_rate": 1e-4,
        "weights": "file:mine.pth",
        "frozen_stages": -1,
        "epochs": 1,
    }
    run = InlineRunner(workspace).submit(run_config(colours, own))
    assert run.result, run.message
    away = export_run(workspace, run.id, tmp_path / "away", ("safetensors",)).path
    initial = torch.load(away / "start.pth", weights_only=True)
    assert torch.equal(initial["features.0.weight"], weights["features.0.weight"])
    test_loss = train(away / "train.py", colours_folder)["test_loss"]
    assert test_loss == pytest.approx(run.result.loss, rel=0.001)

    torch.save({name: each + 1 for name, each in weights.items()}, file)
    with pytest.raises(Unrepeatable, match="have changed"):
        first_model(find_subject(workspace, run.id))
    file.unlink()
    (tmp_path / "less").mkdir()
    with pytest.raises(Unrepeatable, match="no longer on this machine"):
        write_training_script(find_subject(workspace, run.id), tmp_path / "less")
    assert list((tmp_path / "less").iterdir()) == []


def test_recreating_the_initial_weights_leaves_torchs_generator_alone(finished):
    workspace, run = finished
    before = torch.get_rng_state()
    # Raises unless the weights have the digest that the run recorded.
    first_model(find_subject(workspace, run.id))
    assert torch.equal(torch.get_rng_state(), before)
    assert run.facts.first_weights
