"""On Windows everything imports, trains, stops and exports; see `as_windows/sitecustomize.py`."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cli.commanding import QUICK
from making_runs import environment, make_colours
from waiting import PATIENCE

from tl_core.records import RunState

ROOT = Path(__file__).parents[1]
LONGEST_HOME = 130
NAMES = {"blue": "CON", "green": 'so: "good"?', "red": "Überraschung " + "sehr langer Name " * 12}
"""Names of classes that Windows refuses as names of files."""
IMPORT_ALL = """
import importlib, pkgutil, sys
for package in map(importlib.import_module, ("tl_core", "tl_ui")):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "standalone" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(len([name for name in sys.modules if name.startswith("tl_")]))
"""
SERVE_AND_PAUSE = """
import sys
from making_runs import run_config
from runners.waiting import finish, wait_for
from tl_core.records import RunState
from tl_core.runners import ProcessRunner
from tl_core.runs.predictor import Predictors
from tl_core.workspace import open_workspace

workspace = open_workspace()
dataset = workspace.store.list_datasets()[0]
runner = ProcessRunner(workspace)
runner.start()
paused = runner.submit(run_config(dataset, epochs=1000))
wait_for(workspace, paused, lambda run: run.epochs_done >= 2)
predictor = Predictors(workspace).get(workspace.store.get_run(paused.id))
seen = workspace.store.get_run(paused.id).epochs_done
wait_for(workspace, paused, lambda run: run.epochs_done >= seen + 2)
workspace.store.request_pause(paused.id)
wait_for(workspace, paused, lambda run: run.state is RunState.PAUSED)
runner.shutdown()
print("paused", predictor.classes)
"""


def as_windows(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    folders = (ROOT / "tests" / "as_windows", ROOT, ROOT / "tests")
    more = {
        "AS_WINDOWS": str(home),
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "PYTHONWARNDEFAULTENCODING": "1",
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder so deep that paths inside have more than 200 characters."""
    folder = tmp_path_factory.mktemp("windows")
    return folder / ("x" * max(1, LONGEST_HOME - 1 - len(str(folder))))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of three classes whose names Windows refuses."""
    images = make_colours(tmp_path_factory.mktemp("images") / "colours")
    path = images.parent / "colours.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for image in sorted(images.rglob("*.png")):
            packed.write(image, f"{NAMES[image.parent.name]}/{image.name}")
    return path


@pytest.fixture(scope="module")
def trained(home: Path, archive: Path) -> dict:
    done = as_windows(
        home, "-m", "tl_core", "train", str(archive), *QUICK, "--epochs", "3", "--json"
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_module_can_be_imported(home: Path):
    done = as_windows(home, "-c", IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 300


def test_a_run_is_trained_and_tested_whatever_its_classes_are_called(home: Path, trained: dict):
    assert trained["state"] == RunState.COMPLETED
    assert set(trained["dataset"]["classes"]) == {name.strip() for name in NAMES.values()}
    longest = max(len(str(path)) for path in home.rglob("*"))
    assert 200 < longest < 260


@pytest.mark.slow
def test_a_run_is_exported_and_checks_itself(home: Path, trained: dict):
    target = home / "export"
    done = as_windows(home, "-m", "tl_core", "export", trained["run_id"], "--to", str(target))
    assert done.returncode == 0, done.stderr
    assert (target / "predict.py").is_file()


def test_a_second_run_reads_what_the_first_one_cached(home: Path, trained: dict):
    known = trained["dataset"]["id"]
    done = as_windows(home, "-m", "tl_core", "train", known, *QUICK, "--epochs", "1", "--json")
    assert done.returncode == 0, done.stderr


def test_a_worker_trains_is_watched_and_pauses(home: Path, trained: dict):
    done = as_windows(home, "-c", SERVE_AND_PAUSE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("paused")


def test_a_home_folder_that_is_too_deep_is_refused_in_a_sentence(tmp_path: Path):
    home = tmp_path / ("x" * LONGEST_HOME)
    done = as_windows(home, "-m", "tl_core", "runs")
    assert done.returncode == 2
    assert "Windows refuses long paths" in done.stderr
    assert not home.exists()
