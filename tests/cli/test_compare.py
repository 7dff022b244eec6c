"""Command `compare`."""

from pathlib import Path

from cli.commanding import QUICK, answer, complaint, run


def test_two_runs_are_compared_on_the_same_images(trained: tuple[Path, dict]):
    home, said = trained
    options = ("--epochs", "1", "--seed", "3", "--json")
    other = answer(run(home, "train", "colours", *QUICK, *options))["run_id"]
    (group,) = answer(run(home, "compare", said["run_id"], other, "--json"))
    assert {row["run_id"] for row in group["runs"]} == {said["run_id"], other}
    assert group["comparisons"][0]["n"] == said["splits"]["test"] and "seed" in group["differ"]
    told = run(home, "compare", said["run_id"], other).stdout
    assert other in told and said["run_id"] in told
    for row in group["runs"]:
        accuracy = row["accuracy"]
        low, high = row["interval"]
        assert low <= accuracy <= high
        assert f"{100 * accuracy:.1f} ({100 * low:.0f} to {100 * high:.0f})" in told
    assert all(len(line) <= 80 for line in told.splitlines())
    assert "name from 2 to 20" in complaint(run(home, "compare", other))
