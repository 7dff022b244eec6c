"""Paths of files, and removal of unfinished work."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tl_core.store import Artifacts

HOLD_A_STAGING_FOLDER = """
import sys, time
from pathlib import Path
from tl_core.store import Artifacts
with Artifacts(Path(sys.argv[1])).staging_folder() as folder:
    (folder / "half.bin").write_bytes(b"half")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path)


@pytest.fixture
def holder(tmp_path: Path):
    """Start a process that works in a staging folder, and return both."""
    command = [sys.executable, "-c", HOLD_A_STAGING_FOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_datasets_and_runs_lie_under_home(artifacts: Artifacts, tmp_path: Path):
    assert artifacts.dataset_folder("d1") == tmp_path / "datasets" / "d1"
    assert artifacts.run_folder("r1") == tmp_path / "runs" / "r1"
    assert artifacts.training_state("r1").parent == artifacts.run_folder("r1")
    assert artifacts.checkpoint("r1").parent == artifacts.run_folder("r1")
    assert artifacts.run_lock("r1").parent == tmp_path / "locks"


def test_a_staging_folder_is_fresh_and_gone_afterwards(artifacts: Artifacts, tmp_path: Path):
    with artifacts.staging_folder() as one, artifacts.staging_folder() as other:
        assert one != other
        assert files_of(one) == files_of(other) == []
        (one / "deep").mkdir()
        (one / "deep" / "file").write_text("x")
    assert files_of(tmp_path / "staging") == []


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_staging_folder_is_gone_after_a_failure(
    artifacts: Artifacts, tmp_path: Path, failure: type[BaseException]
):
    with pytest.raises(failure), artifacts.staging_folder() as folder:
        (folder / "file").write_text("x")
        raise failure
    assert files_of(tmp_path / "staging") == []


def test_a_staging_folder_that_was_moved_to_its_place_stays_there(
    artifacts: Artifacts, tmp_path: Path
):
    with artifacts.staging_folder() as folder:
        (folder / "file").write_text("x")
        folder.rename(tmp_path / "kept")
    assert (tmp_path / "kept" / "file").read_text() == "x"
    assert files_of(tmp_path / "staging") == []


def test_sweeping_clears_what_a_killed_process_left(artifacts: Artifacts, tmp_path: Path, holder):
    process, folder = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (folder / "half.bin").exists()
    artifacts.sweep_staging()
    assert files_of(tmp_path / "staging") == []


def test_sweeping_leaves_what_a_living_process_works_in(artifacts: Artifacts, holder):
    _, folder = holder
    with artifacts.staging_folder() as ours:
        artifacts.sweep_staging()
        assert (folder / "half.bin").exists()
        assert ours.exists()


def test_sweeping_a_home_without_staging_does_nothing(artifacts: Artifacts, tmp_path: Path):
    artifacts.sweep_staging()
    assert files_of(tmp_path) == []


def test_deleting_removes_the_folders_and_the_lock(artifacts: Artifacts):
    runs = (artifacts.run_folder("r1"), artifacts.run_folder("r2"))
    for path in (artifacts.dataset_folder("d1"), *runs):
        path.mkdir(parents=True)
        (path / "file").write_text("x")
    artifacts.run_lock("r1").parent.mkdir()
    artifacts.run_lock("r1").touch()
    artifacts.delete_dataset("d1")
    artifacts.delete_run("r1")
    artifacts.delete_run("never")
    assert not artifacts.dataset_folder("d1").exists()
    assert not artifacts.run_folder("r1").exists()
    assert not artifacts.run_lock("r1").exists()
    assert artifacts.run_folder("r2").exists()
