"""The learning-rate finder's child process, with a small program in place of the real one."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from making_runs import environment

from tl_core.config import KNOBS, make_run_config
from tl_core.presets import PRESETS
from tl_ui import finder as module
from tl_ui.finder import ROOT, Finder, command

CONFIG = make_run_config("d1", {})
FOUND = {"rates": [1e-4, 1e-3], "losses": [2.0, 1.0], "suggestion": 1e-3, "reason": "It falls fastest there."}


@pytest.fixture
def start(monkeypatch):
    """Starts a measurement by a program of the test's own; `PROGRESS` in it is the progress file."""
    finder = Finder()

    def start(program):
        def run(config, progress_file):
            return [sys.executable, "-c", program.replace("PROGRESS", repr(str(progress_file)))]

        monkeypatch.setattr(module, "command", run)
        return finder.start(CONFIG)

    started = []
    yield lambda program: started.append(start(program)) or started[-1]
    for search in filter(None, started):
        search.stop()


def wait(check, seconds=20):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_it_found_is_there_at_the_end_and_the_progress_file_is_not(start):
    search = start(f"print({json.dumps(json.dumps(FOUND))})")
    wait(lambda: search.is_over)
    assert search.finding == FOUND
    wait(lambda: not search.progress_file.exists())


def test_progress_gives_the_time_left(start):
    search = start("import time; open(PROGRESS, 'w').write('{\"fraction\": 0.5}'); time.sleep(60)")
    wait(lambda: search.fraction() == 0.5)
    assert search.seconds_left() == pytest.approx(time.monotonic() - search.started, rel=0.5)


def test_a_second_has_to_wait_for_the_first(start):
    search = start("import time; time.sleep(60)")
    assert start("print(1)") is None
    search.stop()
    wait(lambda: search.is_over)
    assert search.error == "The measurement was stopped."
    assert start("print(1)") is not None


def test_the_engines_sentence_is_passed_on(start):
    search = start("import sys; sys.stderr.write('The dataset is gone.\\n'); sys.exit(2)")
    wait(lambda: search.is_over)
    assert search.error == "The dataset is gone."


@pytest.mark.parametrize("program", ["raise ValueError('inner workings')", "print('[]')", "print('no json')"])
def test_anything_else_is_one_sentence_without_inner_workings(start, program):
    search = start(program)
    wait(lambda: search.is_over)
    assert search.finding is None
    assert search.error.startswith("The measurement ended without a result")


def test_a_stopped_one_leaves_no_zombie(start):
    search = start("import time; time.sleep(60)")
    search.stop()
    wait(lambda: search.process.returncode is not None)


def test_it_ends_with_the_process_that_started_it(tmp_path):
    """Even one that is killed: what it held open is closed."""
    child = "import tl_ui.leash as l, threading, time; threading.Thread(target=l._end_with_the_other, daemon=True)"
    child += ".start(); print('up', flush=True); time.sleep(60)"
    program = "import os, subprocess, sys; r, w = os.pipe(); "
    program += f"c = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=r); print(c.pid, flush=True); c.wait()"
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    child_id = int(parent.stdout.readline())
    assert parent.stdout.readline() == "up\n"
    parent.kill()
    wait(lambda: parent.wait() is not None and parent.stdout.read() == "")
    wait(lambda: not is_alive(child_id))


def test_the_command_line_ends_as_usual_while_it_is_held(tmp_path):
    given, held = os.pipe()
    asked = [sys.executable, "-m", "tl_ui.leash", "presets", "--json"]
    done = subprocess.run(asked, stdin=given, capture_output=True, cwd=ROOT, env=environment(tmp_path), check=False)
    os.close(given)
    os.close(held)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)


def is_alive(process_id):
    try:
        return "Z" not in Path(f"/proc/{process_id}/stat").read_text().split(")")[1].split()[0]
    except OSError:
        return False


def test_every_setting_reaches_the_child():
    for preset in PRESETS.values():
        given = command(preset.config, "p.json")
        settings = dict(part.removeprefix("--set=").split("=", 1) for part in given if part.startswith("--set="))
        assert settings.keys() == KNOBS.keys()
        assert make_run_config("any", settings) == preset.config
