"""A real server and a real Chromium, for the tests that need both."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


class Server:
    """A Streamlit app on a free port, over a home folder of its own."""

    def __init__(self, app, home, **environment):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.app, self.home, self.url = app, home, f"http://127.0.0.1:{self.port}"
        path = os.pathsep.join([str(Path(app).parent), *sys.path])
        self.env = os.environ | {"TRANSFERLAB_HOME": str(home), "PYTHONPATH": path} | environment
        self.start()

    def start(self):
        options = f"--server.port {self.port} --server.address 127.0.0.1 --server.headless true"
        options += " --server.fileWatcherType none --browser.gatherUsageStats false"
        command = [sys.executable, "-m", "streamlit", "run", str(self.app), *options.split()]
        log = Path(self.home).joinpath("server.log").open("a")
        self.process = subprocess.Popen(command, env=self.env, cwd=ROOT, stdout=log, stderr=log)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/api/health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the server did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def peak_mb(self):
        """Most memory the server has ever held, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1000


@contextmanager
def chromium():
    """A browser, the system's or Playwright's own; the test is skipped where there is neither."""
    sync_api = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    arguments += [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    ]  # a camera that may be used
    with sync_api.sync_playwright() as play:
        try:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        except sync_api.Error as error:
            pytest.skip(f"no Chromium on this machine: {error.message.splitlines()[0]}")
        sync_api.expect.set_options(timeout=60_000)  # on a busy machine a page takes its time
        yield browser
        browser.close()


def complaints(page):
    """A list that fills with what the browser complains of.

    A deep link makes Streamlit's front end look for its own endpoints under the page's path first; that is not ours.
    """
    said = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "console",
        lambda message: (
            said.append(f"{message.text} {message.location.get('url', '')}")
            if message.type == "error" and "/_stcore/" not in message.location.get("url", "")
            else None
        ),
    )
    return said
