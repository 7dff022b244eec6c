"""Where torchvision has not got all, train.py starts from start.pth and trains as the run did."""

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
"""Runs a script where this repository cannot be imported."""
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
    run = InlineRunner(workspace).submit(
        run_config(colours, {"image_size": 64, "learning_rate": 1e-4, **settings})
    )
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
    command = [
        sys.executable,
        "-c",
        ALONE,
        str(away / "train.py"),
        str(colours_folder),
        "--workers",
        "0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["test_accuracy"] == pytest.approx(run.result.accuracy)
    assert found["test_loss"] == pytest.approx(run.result.loss, rel=1e-4)


def test_what_lies_beside_it_is_named(exported):
    assert {"train.py", "start.pth"} <= {file.name for file in exported.path.iterdir()}
    card = (exported.path / "README.md").read_text("utf-8")
    assert "but for rounding" in card and "`start.pth`:" in card
    script = (exported.path / "train.py").read_text("utf-8")
    wanted = f" timm=={version('timm')} "
    assert wanted in card and wanted in script and "timm.create_model" in script


def test_its_weights_are_named_as_timm_names_them(exported):
    state = torch.load(exported.path / "start.pth", weights_only=True)
    prefix = "backbone."
    network = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    network.load_state_dict(
        {key.removeprefix(prefix): each for key, each in state.items() if key.startswith(prefix)}
    )


def bounded(network):
    return torch.nn.Sequential(network, torch.nn.Hardtanh(0, 0.1))


def averaging_faster(network):
    network.bn1.momentum = 0.5
    return network


@pytest.mark.parametrize("change", [bounded, averaging_faster])
def test_a_network_of_timm_s_that_is_another_has_no_script(finished, monkeypatch, tmp_path, change):
    workspace, run = finished
    make = timm.create_model

    def other(name, **options):
        network = make(name, **options)
        return change(network) if options.get("num_classes") == 0 else network

    monkeypatch.setattr(timm, "create_model", other)
    with pytest.raises(Unrepeatable, match="tf_efficientnet_lite0"):
        write_training_script(find_subject(workspace, run.id), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_weights_of_ones_own_go_with_it_as_long_as_they_are_there(
    workspace, colours, colours_folder, tmp_path, train
):
    file = workspace.settings.home / "weights" / "mine.pth"
    file.parent.mkdir()
    given = library_model("squeezenet1_1").state_dict()
    torch.save(given, file)
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
    assert torch.equal(
        torch.load(away / "start.pth", weights_only=True)["features.0.weight"],
        given["features.0.weight"],
    )
    assert train(away / "train.py", colours_folder)["test_loss"] == pytest.approx(
        run.result.loss, rel=0.001
    )

    torch.save({name: each + 1 for name, each in given.items()}, file)
    with pytest.raises(Unrepeatable, match="have changed"):
        first_model(find_subject(workspace, run.id))
    file.unlink()
    (tmp_path / "less").mkdir()
    with pytest.raises(Unrepeatable, match="not on this machine"):
        write_training_script(find_subject(workspace, run.id), tmp_path / "less")
    assert list((tmp_path / "less").iterdir()) == []


def test_the_first_weights_are_made_again_without_touching_the_chance_of_others(finished):
    workspace, run = finished
    before = torch.get_rng_state()
    first_model(
        find_subject(workspace, run.id)
    )  # which compares them with those that the run began from
    assert torch.equal(torch.get_rng_state(), before)
    assert run.facts.first_weights
