"""Home folders in which commands find a dataset and a completed run."""

from pathlib import Path

import pytest
from cli.commanding import QUICK, answer, spawn

from tl_core.records import Run
from tl_core.workspace import Workspace


@pytest.fixture(scope="session")
def home(finished) -> Path:
    """Home folder of a workspace with a dataset and a completed run."""
    return finished[0].settings.home


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, colours_folder: Path) -> tuple[Path, dict]:
    """Train a run in a new home folder; return the folder and the printed JSON."""
    own = tmp_path_factory.mktemp("cli") / "home"
    return own, answer(spawn(own, "train", colours_folder, *QUICK, "--epochs", "2", "--json"))


@pytest.fixture
def at_home(
    finished: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch
) -> tuple[Workspace, Run]:
    """Have commands of this process open the workspace of the finished run; return both."""
    monkeypatch.setattr("tl_core.workspace.open_workspace", lambda: finished[0])
    return finished
