"""Command `app`: it serves the web app wherever it is started, and ends when asked."""

import signal
import subprocess
import urllib.request
from contextlib import suppress
from pathlib import Path

from cli.commanding import COMMAND, ROOT
from making_runs import environment
from waiting import PATIENCE, wait_until


def is_served(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://localhost:{port}/api/health") as answer:
        return answer.status == 200
    return False


def test_the_app_is_served_from_any_folder_until_it_is_asked_to_end(
    tmp_path: Path, closed_port: int
):
    options = ("app", "--port", str(closed_port))
    # Without a screen, no browser is opened.
    env = environment(tmp_path / "home", PYTHONPATH=str(ROOT), STREAMLIT_SERVER_HEADLESS="true")
    with subprocess.Popen([*COMMAND, *options], cwd=tmp_path, env=env) as server:
        wait_until(lambda: server.poll() is not None or is_served(closed_port), "the app's answer")
        assert server.poll() is None
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE)
