"""Table of the commands: help, refusals in one line, exit codes, odd terminals."""

import os
import subprocess
from pathlib import Path

import pytest
from cli.commanding import COMMAND, QUICK, ROOT, complaint, run, spawn
from making_runs import environment, make_colours
from typer.main import get_command

from tl_core.cli.main import commands as all_commands


def test_every_command_but_the_servers_can_print_json():
    commands = {
        name: command
        for name, command in get_command(all_commands).commands.items()
        if not command.hidden
    }
    commands |= commands.pop("bin").commands
    without = [
        name
        for name, command in commands.items()
        if "as_json" not in {each.name for each in command.params}
    ]
    assert without == ["app", "serve"]


def test_help_is_there_for_every_command(home: Path):
    top = spawn(home, "--help")
    assert top.returncode == 0 and top.stderr == ""
    commands = (
        "ingest train pause resume runs show predict backbones presets settings lr-find embed probe"
    )
    for command in ("list", "restore", "empty"):
        assert "--json" in run(home, "bin", command, "--help").stdout
    for command in commands.split():
        assert f"\n  {command} " in top.stdout
        told = run(home, command, "--help")
        assert told.returncode == 0 and "--json" in told.stdout
    assert "the command settings lists them all" in " ".join(
        run(home, "train", "--help").stdout.split()
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nope"],
        ["train"],
        ["train", "x" * 5000],
        ["ingest", "y" * 5000],
        ["ingest", "sample:nope"],
        ["show", "nope"],
        ["predict", "nope", "x.png"],
        ["predict", "nope"],
        ["runs", "extra"],
        ["resume", "nope"],
        ["pause", "nope"],
        ["lr-find", "nope"],
        ["lr-find", "colours", "--set", "epochs"],
        ["lr-find", "colours", "--set", "output=sigmoid"],
    ],
    ids=lambda arguments: " ".join(arguments)[:20].encode("ascii", "replace").decode() or "nothing",
)
def test_any_other_bad_command_is_one_line(home: Path, arguments: list[str]):
    complaint(run(home, *arguments))


def test_an_impossible_home_folder_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert "set TRANSFERLAB_HOME" in complaint(run(tmp_path / "file", "runs"))
    assert "TRANSFERLAB_MAX_FILES" in complaint(
        run(tmp_path / "home", "runs", TRANSFERLAB_MAX_FILES="many")
    )


@pytest.mark.parametrize(
    "name", ["[bold]x[bold]", "two\nlines", ":smile: 🙂", "[red]", "\x1b[31mred"]
)
def test_names_are_shown_as_they_are_and_never_as_markup(tmp_path: Path, name: str):
    folder = make_colours(tmp_path / "given" / name, per_class=3)
    for command in (("ingest", folder), ("train", folder, *QUICK, "--epochs", "1"), ("runs",)):
        done = run(tmp_path / "home", *command)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        if name.isprintable() and command[0] != "runs":
            assert name in done.stdout


def test_a_terminal_that_cannot_show_a_name_gets_it_escaped(tmp_path: Path):
    folder = make_colours(tmp_path / "Äpfel ✓", per_class=3)
    done = spawn(tmp_path / "home", "ingest", folder, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "pfel" in done.stdout and done.stdout.isascii()
    assert r"'\xe4\udcff'" in complaint(
        spawn(tmp_path / "home", "train", "ä\udcff", PYTHONIOENCODING="ascii")
    )


@pytest.mark.parametrize("arguments", [["backbones", "--json"], ["--help"]])
def test_a_closed_pipe_is_no_error(home: Path, arguments: list[str]):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(home),
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b"" and done.returncode in (0, 1)
