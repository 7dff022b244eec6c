"""Command `hand-in`."""

import zipfile
from pathlib import Path

from cli.commanding import answer, run


def test_the_reports_of_all_runs_are_packed(home: Path, finished, tmp_path: Path):
    to = tmp_path / "all.zip"
    said = answer(run(home, "hand-in", "--to", to, "--json"))
    assert said["file"] == str(to)
    assert said["bytes"] == to.stat().st_size
    assert said["reports"] >= 1
    with zipfile.ZipFile(to) as archive:
        assert any(finished[1].id in name for name in archive.namelist())


def test_a_folder_that_is_not_there_is_named(home: Path, tmp_path: Path):
    made = run(home, "hand-in", "--to", tmp_path / "nowhere" / "all.zip")
    assert made.returncode == 2
    assert "nowhere" in made.stderr
