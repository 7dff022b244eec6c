"""Commands `sizes` and `free`."""

from pathlib import Path

from cli.commanding import answer, run


def test_sizes_are_told_to_people_and_programs(home: Path):
    told = run(home, "sizes").stdout
    assert "dataset" in told and "are free." in told
    found = answer(run(home, "sizes", "--json"))
    assert {item["kind"] for item in found["items"]} == {"dataset", "run"}
    assert found["people"][""] == sum(item["n_bytes"] for item in found["items"])
    assert found["free"] > 0


def test_freeing_names_what_is_left(trained: tuple[Path, dict]):
    home, _ = trained
    told = run(home, "free").stdout
    assert told.startswith("Freed ") and "made again when they are needed" in told
    assert "training states" in told and "dataset colours" in told
    freed = answer(run(home, "free", "--json"))
    assert freed["cache"] == freed["again"] == 0 and freed["states"] > 0
