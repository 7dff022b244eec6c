"""Child processes end with their parent, however that ends."""

import json
import os
import subprocess
import sys
from contextvars import copy_context
from pathlib import Path

import pytest
from making_runs import environment
from waiting import wait_until

from tl_core.access import Directory, bind
from tl_core.cli.workspaces import ACTING_FOR, open_and_tidy
from tl_core.config import make_run_config
from tl_core.datasets.importing import owned
from tl_core.errors import NotAdmitted, UnknownPerson
from tl_core.records import DatasetRecord

ROOT = Path(__file__).parents[2]


def test_it_ends_with_the_process_that_started_it(tmp_path):
    # Even if that is killed, since the system then closes its end of the pipe.
    child = "import time; from tl_core.cli.leash import Leash; Leash(); "
    child += "print('up', flush=True); time.sleep(600)"
    program = "import os, subprocess, sys; r, w = os.pipe(); os.write(w, b'\\n'); "
    program += f"c = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=r); "
    program += "print(c.pid, flush=True); c.wait()"
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    child_id = int(parent.stdout.readline())
    assert parent.stdout.readline() == "up\n"
    parent.kill()
    assert parent.wait() and parent.stdout.read() == ""
    wait_until(lambda: not is_alive(child_id), "the child's end")


def test_a_command_ends_as_usual_while_its_parent_lives(tmp_path):
    done = asked_for("", tmp_path, "presets", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)


def asked_for(person_id, home, *command):
    """Run a command as a server does for a person."""
    asked = [sys.executable, "-m", "tl_core.cli.leashed", *command]
    given, held = os.pipe()
    os.write(held, f"{person_id}\n".encode())
    done = subprocess.run(
        asked, stdin=given, capture_output=True, cwd=ROOT, env=environment(home), check=False
    )
    os.close(given)
    os.close(held)
    return done


def test_a_command_sees_what_the_person_sees_for_whom_it_runs(workspace, monkeypatch):
    directory = Directory(workspace)
    ann, ben, rob = (directory.join(name)[0] for name in ("Ann", "Ben", "Rob"))
    directory.remove(rob.id)
    store = bind(workspace, ann).store
    dataset = DatasetRecord(
        "d" * 16, "pets", ("cat", "dog"), (1, 1), 0, "zip", 0.0, fingerprint="d" * 16
    )
    kept = store.add_dataset(owned(dataset, ann.id), [], [])
    run = store.add_run(make_run_config(kept.id, {}), "pets")
    home = workspace.settings.home
    hers = asked_for(ann.id, home, "runs", "--json")
    assert [each["id"] for each in json.loads(hers.stdout)] == [run.id]
    # The others in this process, whose libraries are loaded.
    monkeypatch.setenv("TRANSFERLAB_HOME", str(home))
    assert acting_for(ben.id, open_and_tidy).store.list_runs() == []
    with pytest.raises(NotAdmitted):
        acting_for(rob.id, open_and_tidy).store.list_runs()
    with pytest.raises(UnknownPerson):
        acting_for("0" * 16, open_and_tidy)


def acting_for(person_id, act):
    def as_person():
        ACTING_FOR.set(person_id)
        return act()

    return copy_context().run(as_person)


def is_alive(process_id):
    try:
        return "Z" not in Path(f"/proc/{process_id}/stat").read_text().split(")")[1].split()[0]
    except OSError:
        return False
