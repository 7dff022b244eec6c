"""Twelve kills of server and worker, one in each kind of work."""

from pathlib import Path

from benchmarks import chaos


def test_after_each_of_twelve_kills_all_is_as_if_there_had_been_none(tmp_path: Path):
    kills = list(chaos.chaos(tmp_path, kills=len(chaos.PLAN)))
    assert [(kill.going_on, kill.killed) for kill in kills] == list(chaos.PLAN)
    assert [kill for kill in kills if kill.complaints] == []
