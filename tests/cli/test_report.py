"""Command `report`."""

from pathlib import Path

from cli.commanding import answer, run


def test_a_report_says_where_it_is(home: Path, finished, tmp_path: Path):
    said = answer(run(home, "report", finished[1].id, "--to", tmp_path / "r.html", "--json"))
    assert said == {
        "run_id": finished[1].id,
        "file": f"{tmp_path}/r.html",
        "bytes": (tmp_path / "r.html").stat().st_size,
    }
