"""Command `config`."""

from pathlib import Path

from cli.commanding import run


def test_settings_are_told_and_a_wrong_one_does_not_hide_the_rest(tmp_path: Path):
    right = run(tmp_path, "config")
    assert right.returncode == 0
    assert "TRANSFERLAB_HOME" in right.stdout and "Wrong" not in right.stdout
    wrong = run(tmp_path, "config", TRANSFERLAB_CACHE_GB="much", TRANSFERLAB_ACCESS="all")
    assert wrong.returncode == 2
    assert "Wrong: TRANSFERLAB_CACHE_GB: 'much'" in wrong.stdout
    assert "Wrong: TRANSFERLAB_ACCESS: 'all'" in wrong.stdout
