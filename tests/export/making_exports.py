"""Helpers for tests of exports: tested runs without training, and a Python for predict.py alone."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from backbones.families import FAMILIES, library_model
from making_runs import run_config

from tl_core.backbones import build_model, get_backbone
from tl_core.evaluation import predict, summarise
from tl_core.facts import RunFacts
from tl_core.records import DatasetRecord, Run, RunState
from tl_core.runs.execute import make_experiment
from tl_core.training import save_checkpoint
from tl_core.workspace import Workspace

NEEDED = (
    "onnxruntime",
    "numpy",
    "numpy.libs",
    "PIL",
    "pillow.libs",
    "flatbuffers",
    "google",
    "packaging",
)
"""Packages that predict.py needs, with their dependencies."""


def make_tested(workspace: Workspace, dataset: DatasetRecord, family: str, **settings) -> Run:
    """Add a completed run whose model has random weights and was tested."""
    size = settings.pop("image_size", FAMILIES.get(family))
    config = run_config(
        dataset, backbone=family, pretrained=False, image_size=size, frozen_stages=0, **settings
    )
    store = workspace.store
    run = store.add_run(config, dataset.name, RunFacts(classes=dataset.classes, majority_label=0))
    store.claim_run(run.id)
    backbone = get_backbone(family)
    network = library_model(family, size)
    model = build_model(backbone, config.model, len(dataset.classes), network).eval()
    save_checkpoint(workspace.artifacts.checkpoint(run.id), model, config.model, dataset.classes)
    experiment = make_experiment(workspace, config, run.id)
    outputs = predict(model, experiment.examples(experiment.split.test))
    store.put_predictions(run.id, "test", 1, outputs.predictions())
    result = summarise(outputs, 0)
    store.update_run(run.id, epochs_done=1, best_epoch=1, val_accuracy=0.5, result=result)
    store.finish_run(run.id, RunState.COMPLETED)
    return store.get_run(run.id)


def make_bare_python(folder: Path) -> Path:
    """Make a virtual environment with links to this one's ONNX Runtime, NumPy and Pillow."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in NEEDED:
        if (source := Path(sysconfig.get_path("platlib")) / name).exists():
            (packages / name).symlink_to(source)
    return folder / "bin" / "python"


def run_script(
    python: Path | str, script: Path, *arguments: str | Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process that cannot import this repository."""
    environment = {
        "PATH": os.environ["PATH"],
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }
    command = [str(python), str(script), *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=script.parent,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
