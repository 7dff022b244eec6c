"""Real server and real Chromium, for the tests that need both."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
import streamlit.web.cli as streamlit_command
from waiting import PATIENCE, wait_until

from benchmarks.forking import Forked, ForkedWorker, fork_address, fork_at
from tl_core.cli.work import work
from tl_core.runners import ProcessRunner

ROOT = Path(__file__).parents[1]
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


class Server:
    """Streamlit app on a free port, over its own home folder.

    Server and worker are forked from a process that has imported what takes seconds, unless
    `is_forked` is False.
    """

    def __init__(self, app, home, *, log=None, is_forked=True, **environment):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.app, self.home, self.url = app, home, f"http://127.0.0.1:{self.port}"
        self.is_forked = is_forked
        self.log = Path(log or Path(home) / "server.log")
        path = os.pathsep.join([str(Path(app).parent), *sys.path])
        self.env = os.environ | {"TRANSFERLAB_HOME": str(home), "PYTHONPATH": path} | environment
        self.start()

    def start(self):
        options = f"--server.port {self.port} --server.address 127.0.0.1 --server.headless true"
        options += " --server.fileWatcherType none --browser.gatherUsageStats false"
        arguments = ["run", str(self.app), *options.split()]
        if self.is_forked:
            start = (serve_forked, arguments, self.env, self.log, fork_address())
            self.process = Forked(*start)
        else:
            command = [sys.executable, "-m", "streamlit", *arguments]
            log = self.log.open("a")
            self.process = subprocess.Popen(command, env=self.env, cwd=ROOT, stdout=log, stderr=log)
        wait_until(self.answers, "the start of the server")

    def answers(self):
        assert self.process.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(f"{self.url}/api/health", timeout=10).close()
        except OSError:
            return False
        return True

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def peak_mb(self):
        """Peak memory of the server, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1000


def serve_forked(arguments, environment, log, address):
    """Be a server, as `python -m streamlit` with these arguments is one."""
    fork_at(address)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
    sys.argv = ["streamlit", *arguments]
    ProcessRunner._spawn = lambda _: ForkedWorker(os.environ, work)
    streamlit_command.main(prog_name="streamlit")


@contextmanager
def chromium():
    """Yield a browser, the system's or Playwright's; without one, skip the test."""
    sync_api = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    # As after the warning about a class's own certificate. Playwright's option alone asks anew for
    # every request, and Chromium gives up after some.
    arguments += ["--ignore-certificate-errors"]
    # A camera that pages may use without asking.
    arguments += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_api.sync_playwright() as play:
        try:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        except sync_api.Error as error:
            pytest.skip(f"no Chromium on this machine: {error.message.splitlines()[0]}")
        sync_api.expect.set_options(timeout=1000 * PATIENCE)
        yield browser
        browser.close()


@contextmanager
def opened(browser, server, width=1440, height=900):
    """Open a page of the server in its own context."""
    size = {"width": width, "height": height}
    context = browser.new_context(viewport=size, base_url=server.url)
    context.set_default_timeout(1000 * PATIENCE)
    try:
        yield context.new_page()
    finally:
        context.close()


def until(page, check, what="it"):
    """Return the first true result of `check`; the page's events are handled meanwhile."""
    return wait_until(check, what, partial(page.wait_for_timeout, 50))


def until_true(page, expression):
    """Wait until an expression is true in the page.

    Playwright's `wait_for_function` would evaluate text there, which the app's policy forbids.
    """
    until(page, lambda: page.evaluate(expression), expression)


def settled(page, read, still=500):
    """Return the result of `read` once it has not changed for that many milliseconds."""
    found = [read()]

    def is_still():
        found.append(read())
        return found[-1] == found[-2]

    wait_until(is_still, "an end of changes", partial(page.wait_for_timeout, still))
    return found[-1]


def wait_for_script(page):
    """Wait until the page's script has run to its end."""
    page.locator("[data-test-script-state=notRunning]").wait_for()


@contextmanager
def standing_still(workspace, run):
    """Pause the training process within the block, whatever the speed of the pages."""
    worker = workspace.artifacts.process_of(run.id)
    file = workspace.settings.home / "transferlab.db"

    def stop_outside_a_transaction():
        os.kill(worker, signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(file, timeout=0.1)) as database:
                database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(worker, signal.SIGCONT)
            return False
        return True

    wait_until(stop_outside_a_transaction, "a pause between two transactions")
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def complaints(page):
    """Return a list that collects the browser's errors and warnings.

    Streamlit's front end requests its endpoints below a deep link's path first; these errors
    are left out.
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
