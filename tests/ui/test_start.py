"""A server that cannot start says why in one sentence, without a traceback."""

import subprocess
import sys
from pathlib import Path

from making_runs import environment
from waiting import PATIENCE

from tl_ui.site_files import SITE


def test_a_home_that_cannot_be_ends_the_server_with_a_sentence(tmp_path: Path):
    home = tmp_path / "home"
    home.write_text("a file")
    options = ["--server.port=0", "--server.address=127.0.0.1", "--server.headless=true"]
    done = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", str(SITE / "app.py"), *options],
        env=environment(home),
        cwd=SITE,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert f"The folder {home} cannot be created (File exists)" in done.stderr
    assert "set TRANSFERLAB_HOME to one you own." in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
