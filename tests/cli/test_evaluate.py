"""Command `evaluate`."""

from pathlib import Path

import pytest
from cli.commanding import answer, run


def test_a_run_is_evaluated_from_its_stored_predictions(trained: tuple[Path, dict]):
    home, said = trained
    found = answer(run(home, "evaluate", said["run_id"], "--json"))
    assert found["test"]["accuracy"]["value"] == pytest.approx(said["test"]["accuracy"])
    assert found["test"]["n"] == said["splits"]["test"] == sum(row["n"] for row in found["classes"])
    assert found["val"]["n"] == said["splits"]["val"]
    assert [row["class"] for row in found["classes"]] == said["dataset"]["classes"]
    told = run(home, "evaluate", said["run_id"]).stdout
    assert f"test, n = {said['splits']['test']}" in told
    assert "always predicting the most frequent class" in told
    assert found["fit"]["sentence"] in told
    tables = [line for line in told.splitlines() if line.startswith(" ")]
    assert all(len(line) <= 80 for line in tables)
    assert all("to" in line for line in tables if " 0." in line)
    # Each class has a line with its recall, the interval and n.
    for row in found["classes"]:
        (line,) = (line for line in tables if line.split()[:1] == [row["class"]])
        low, high = row["recall_interval"]
        assert f"{100 * row['recall']:.1f} ({100 * low:.0f} to {100 * high:.0f})" in line
        assert line.split()[-1] == str(row["n"])
