"""Ctrl-C ends a command within seconds, even in a long step, and keeps finished epochs."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from making_runs import environment, import_folder, make_colours, open_home
from slow_steps import IS_DEAF, slow_command, wait_until_gone
from waiting import wait_until

from tl_core.cli.interruption import ended_by_signals
from tl_core.records import RunState
from tl_core.runners import InlineRunner
from tl_core.runs.endings import with_ending
from tl_core.runs.recovery import recover_for_command
from tl_core.training import load_checkpoint

ROOT = Path(__file__).parents[2]
SETTINGS = ("backbone=resnet18", "pretrained=false", "image_size=64", "augment=none", "epochs=3")


@pytest.mark.parametrize(
    "how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_in_mid_step_it_ends_long_before_the_step_and_can_be_resumed(
    tmp_path: Path, how: signal.Signals
):
    workspace = open_home(tmp_path / "home")
    import_folder(workspace, make_colours(tmp_path / "colours"))
    flag = tmp_path / "flag"
    flag.write_text(IS_DEAF)
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    with subprocess.Popen(
        slow_command(flag, "train", "colours", *settings, "--json"),
        cwd=ROOT,
        env=environment(workspace.settings.home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until_gone(flag)
        process.send_signal(how)
        # The step would take ten minutes.
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "", "Interrupted.\n")

    recover_for_command(workspace)
    [run] = workspace.store.list_runs()
    assert (run.state, run.epochs_done) == (RunState.INTERRUPTED, 1)
    told = with_ending(workspace, run).message
    assert "its 1 finished epoch" in told and "and it can be resumed" in told
    load_checkpoint(workspace.artifacts.checkpoint(run.id))
    assert InlineRunner(workspace).resume(run.id).state is RunState.COMPLETED
    workspace.store.close()


def test_a_block_that_is_left_in_time_ends_nothing():
    exits: list[None] = []
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), ended_by_signals(lambda: exits.append(None)):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    assert signal.set_wakeup_fd(-1) == -1
    wait_until(lambda: threading.active_count() <= before, "the end of its thread")
    assert exits == []
