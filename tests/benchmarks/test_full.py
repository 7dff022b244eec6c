import io
import json
import sys
from pathlib import Path

import pytest

from benchmarks import full
from benchmarks.measuring import CommandFailed, Options
from benchmarks.peers.answering import answer_turns
from benchmarks.turns import Apart


def test_ours_and_the_tutorials_loop_stand_beside_the_step_alone(tiny: Options):
    report = full.run(tiny)
    rates = {row[0]: row[1:3] for row in report.rows}
    assert set(rates) == {full.OURS, full.FLOOR, "tutorial loop"}
    assert rates[full.FLOOR][1] == 1 and all(
        rate > 0 and share > 0 for rate, share in rates.values()
    )
    assert any(note.startswith("fastai was left out") for note in report.notes)


def test_a_way_answers_a_line_for_every_turn_and_its_peak_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
):
    given, said = io.StringIO("\n\n"), io.StringIO()
    monkeypatch.setattr(sys, "stdin", given)
    monkeypatch.setattr(sys, "stdout", said)
    answer_turns(iter([1.5, 2.5, 3.5]))
    *turns, ended = map(json.loads, said.getvalue().splitlines())
    assert turns == [1.5, 2.5] and ended["peak_mb"] > 0


def test_a_way_that_cannot_begin_fails():
    way = Apart(Path(sys.executable), "benchmarks.no_such_module", [])
    with pytest.raises(CommandFailed, match="no_such_module ended with 1"):
        way()


def test_a_gpus_peak_is_that_of_its_own_name():
    names = [
        "NVIDIA H100 80GB HBM3",
        "NVIDIA H100 PCIe",
        "NVIDIA A100-SXM4-80GB",
        "NVIDIA L40S",
        "NVIDIA L4",
        "Tesla T4",
    ]
    assert [full.peak_of(name) for name in names] == [989e12, 756e12, 312e12, 362e12, 121e12, 65e12]
    assert full.peak_of("NVIDIA L40") == 181e12 and full.peak_of("NVIDIA GeForce RTX 4090") is None
