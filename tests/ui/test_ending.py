"""A server that is asked to end does so in time, whatever its own handler of signals waits for."""

import signal
import subprocess
import sys

import pytest
from browsing import ROOT
from waiting import PATIENCE

SERVE = """
import signal, sys, time
from tl_ui import ending
ending._LONGEST_SECONDS = float(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7) if sys.argv[2] == "ends" else None)
signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
ending.end_in_time(lambda: print("saved", flush=True))
print("started", flush=True)
while True:
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("longest", "how"), [("0.2", "hangs"), ("600", "ends")])
def test_what_runs_is_saved_and_the_process_ends(number, longest, how):
    command = [sys.executable, "-c", SERVE, longest, how]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "started\n"
        server.send_signal(number)
        if how == "hangs":
            server.send_signal(number)
        said = server.stdout.read()
        server.wait(PATIENCE)
    assert server.returncode == (128 + number if how == "hangs" else 7)
    # A server that ends at once may be gone before the thread has its turn: uvicorn ends later.
    assert said == "saved\n" or how == "ends"
