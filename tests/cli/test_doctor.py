"""Command `doctor`: sentences for people, JSON for programs, and an exit code for scripts."""

import json
from pathlib import Path

import pytest
from cli.commanding import answer, run
from making_runs import open_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home folder of its own, since it is damaged here."""
    return tmp_path / "home"


def test_a_sound_home_is_said_to_be_sound(home: Path):
    open_home(home).store.close()
    done = run(home, "doctor")
    assert done.returncode == 0 and done.stdout == "Nothing is wrong.\n"
    assert answer(run(home, "doctor", "--json")) == []


def test_findings_are_told_and_repaired(home: Path):
    workspace = open_home(home)
    workspace.store.close()
    left = workspace.artifacts.run_folder("tbcdfghj")
    left.mkdir(parents=True)
    told = run(home, "doctor")
    assert told.returncode == 1 and "its deletion was cut short." in told.stdout
    assert "(--repair)" in told.stdout and told.stdout.endswith("1 finding, 0 repaired.\n")
    machine = run(home, "doctor", "--json")
    [finding] = json.loads(machine.stdout)
    assert machine.returncode == 1 and finding["check"] == "leftovers"
    assert finding["can_be_repaired"] and not finding["is_repaired"]
    assert left.exists()
    repaired = run(home, "doctor", "--repair")
    assert repaired.returncode == 0 and "It was repaired." in repaired.stdout
    assert repaired.stdout.endswith("1 finding, all repaired.\n") and not left.exists()


def test_what_cannot_be_repaired_is_left_with_an_advice(home: Path):
    (home / "transferlab.db").parent.mkdir(parents=True, exist_ok=True)
    (home / "transferlab.db").write_bytes(b"no database" * 1000)
    home.chmod(0o700)
    (home / "transferlab.db").chmod(0o600)
    done = run(home, "doctor", "--repair")
    assert done.returncode == 1 and "file is not a database" in done.stdout
    assert "could not be checked" in done.stdout
