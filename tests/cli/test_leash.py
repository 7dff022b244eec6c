"""Child processes end with their parent, however that ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

from making_runs import environment
from waiting import wait_until

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
    given, held = os.pipe()
    os.write(held, b"\n")
    asked = [sys.executable, "-m", "tl_core.cli.leashed", "presets", "--json"]
    done = subprocess.run(
        asked, stdin=given, capture_output=True, cwd=ROOT, env=environment(tmp_path), check=False
    )
    os.close(given)
    os.close(held)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)


def is_alive(process_id):
    try:
        return "Z" not in Path(f"/proc/{process_id}/stat").read_text().split(")")[1].split()[0]
    except OSError:
        return False
