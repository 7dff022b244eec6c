"""Command `compare`."""

from pathlib import Path

from cli.commanding import QUICK, answer, complaint, run


def test_two_runs_are_compared_on_the_same_images(trained: tuple[Path, dict]):
    home, said = trained
    other = answer(run(home, "train", "colours", *QUICK, "--epochs", "1", "--seed", "3", "--json"))[
        "run_id"
    ]
    (group,) = answer(run(home, "compare", said["run_id"], other, "--json"))
    assert {row["run_id"] for row in group["runs"]} == {said["run_id"], other}
    assert group["comparisons"][0]["n"] == said["splits"]["test"] and "seed" in group["differ"]
    assert (
        other in (told := run(home, "compare", said["run_id"], other).stdout)
        and said["run_id"] in told
    )
    for row in group["runs"]:
        accuracy, (low, high) = row["accuracy"], row["interval"]
        assert (
            low <= accuracy <= high
            and f"{100 * accuracy:.1f} ({100 * low:.0f} to {100 * high:.0f})" in told
        )
    assert all(len(line) <= 80 for line in told.splitlines())
    assert "name from 2 to 20" in complaint(run(home, "compare", other))
