"""Command `lr-find`."""

import json
from pathlib import Path

from cli.commanding import answer, run
from making_runs import open_home


def test_a_learning_rate_is_suggested_and_no_run_added(trained: tuple[Path, dict], tmp_path: Path):
    home, _ = trained
    before = open_home(home).store.list_runs()
    options = ("--set", "image_size=64", "--set", "hidden_units=8", "--steps", "20")
    progress = tmp_path / "progress.json"
    found = answer(run(home, "lr-find", "colours", *options, "--progress-file", progress, "--json"))
    assert {"rates", "losses", "suggestion", "reason", "n"} <= set(found) and found["n"] > 0
    assert len(found["rates"]) == len(found["losses"]) and found["rates"] == sorted(found["rates"])
    assert found["reason"].endswith(".")
    said = json.loads(progress.read_text())
    assert 0 < said["fraction"] <= 1
    assert found["reason"] in run(home, "lr-find", "colours", *options).stdout
    assert open_home(home).store.list_runs() == before
    assert not list(tmp_path.glob("*.unfinished"))
