"""Makes what the tests of exports need: tested runs without training, and a Python with only what predict.py asks."""

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
"""What predict.py asks for, and what that imports."""


def make_tested(workspace: Workspace, dataset: DatasetRecord, family: str, **settings) -> Run:
    """A completed run of random weights, tested as a run is."""
    size = settings.pop("image_size", FAMILIES.get(family))
    config = run_config(
        dataset, backbone=family, pretrained=False, image_size=size, frozen_stages=0, **settings
    )
    store = workspace.store
    run = store.add_run(config, dataset.name, RunFacts(classes=dataset.classes, majority_label=0))
    store.claim_run(run.id)
    backbone = get_backbone(family)
    model = build_model(
        backbone, config.model, len(dataset.classes), library_model(family, size)
    ).eval()
    save_checkpoint(workspace.artifacts.checkpoint(run.id), model, config.model, dataset.classes)
    experiment = make_experiment(workspace, config, run.id)
    outputs = predict(model, experiment.examples(experiment.split.test))
    store.put_predictions(run.id, "test", 1, outputs.predictions())
    store.update_run(
        run.id, epochs_done=1, best_epoch=1, val_accuracy=0.5, result=summarise(outputs, 0)
    )
    store.finish_run(run.id, RunState.COMPLETED)
    return store.get_run(run.id)


def make_bare_python(folder: Path) -> Path:
    """A virtual environment with ONNX Runtime, NumPy and Pillow, linked in from this one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in NEEDED:
        if (source := Path(sysconfig.get_path("platlib")) / name).exists():
            (packages / name).symlink_to(source)
    return folder / "bin" / "python"


def run_script(
    python: Path | str, script: Path, *arguments: str | Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """In a process that knows nothing of this repository."""
    kept = {
        "PATH": os.environ["PATH"],
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }
    command = [str(python), str(script), *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=script.parent,
        env=kept,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
