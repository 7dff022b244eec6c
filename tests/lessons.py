"""Classroom as it is started for a lesson: its server, and browsers that join it."""

import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager

from browsing import ROOT
from waiting import PATIENCE, wait_until

from tl_core.access import Directory
from tl_core.settings import Settings
from tl_core.workspace import open_workspace


class Class:
    """Server of `transferlab app --classroom`, and what it printed."""

    def __init__(self, home):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        env = os.environ | {"TRANSFERLAB_HOME": str(home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tl_core", "app", "--classroom", "--port", str(port)]
        self.home = home
        self._log = home / "server.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, env=env, cwd=home, stdout=log, stderr=log)
        wait_until(self._is_ready, "the invitation")
        self.url = f"https://localhost:{port}"
        self.host = f"localhost:{port}"
        self.code = re.search(r"class code +(\w{6})", self.printed)[1]
        self.secret = re.search(r"/teacher\?secret=(\S+)", self.printed)[1]

    @property
    def printed(self):
        return self._log.read_text()

    def _is_ready(self):
        assert self.process.poll() is None, self.printed
        return "class code" in self.printed

    @contextmanager
    def directory(self):
        workspace = open_workspace(Settings(home=self.home))
        yield Directory(workspace)
        workspace.store.close()

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


@contextmanager
def visiting(browser, lesson, **options):
    context = browser.new_context(base_url=lesson.url, ignore_https_errors=True, **options)
    context.set_default_timeout(1000 * PATIENCE)
    try:
        yield context.new_page()
    finally:
        context.close()


def join(page, lesson, name):
    page.goto("/train")
    assert page.url.endswith("/join?next=/train")
    page.get_by_label("Class code").fill(lesson.code.lower())
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Join").click()
    page.get_by_text("This is your personal word").wait_for()
    page.get_by_role("link", name="Continue").click()
    page.get_by_role("heading", name="Train", level=1).wait_for()
    assert page.url.endswith("/train")
