"""Fixtures: an empty workspace for every test, a small dataset, and one finished run."""

import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from disks import small_disk
from making_runs import import_folder, make_colours, open_home, run_config

from tl_core import files
from tl_core.memory import keep_freed_memory
from tl_core.records import DatasetRecord, Run
from tl_core.runners import InlineRunner
from tl_core.workspace import Workspace

keep_freed_memory()  # as the app and the command line do
# What tests compute is so small that sharing it out costs more than it saves.
torch.set_num_threads(1)
if threading.current_thread() is threading.main_thread():
    # A shell starts what runs in the background deaf to Ctrl+C, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Examples follow from the test alone, so that a commit has one result; `make fuzz` draws others.
hypothesis.settings.register_profile(
    "same", deadline=None, max_examples=50, derandomize=True, database=None
)
hypothesis.settings.register_profile(
    "fuzz", deadline=None, max_examples=300, database=None, print_blob=True
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(autouse=True)
def same_chance() -> None:
    """Seed the random numbers, so that other tests in the process do not matter."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_house() -> Iterator[None]:
    """Forget the app's workspace, which a test before this one may have opened elsewhere."""
    _forget_house()
    yield
    _forget_house()


def _forget_house() -> None:
    for name in ("tl_ui.house", "tl_ui.resources"):
        # Most tests need no app, whose import takes seconds.
        for function in vars(sys.modules.get(name, object)).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()


@pytest.fixture(scope="session")
def colours_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_colours(tmp_path_factory.mktemp("given") / "colours")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_home(tmp_path / "home")
    yield opened
    opened.store.close()


@pytest.fixture
def colours(workspace: Workspace, colours_folder: Path) -> DatasetRecord:
    """Import a dataset with three classes of ten images."""
    return import_folder(workspace, colours_folder)


@pytest.fixture(scope="session")
def finished(
    tmp_path_factory: pytest.TempPathFactory, colours_folder: Path
) -> Iterator[tuple[Workspace, Run]]:
    """Yield a workspace with one completed run on the colours; tests must not change it."""
    opened = open_home(tmp_path_factory.mktemp("finished"))
    dataset = import_folder(opened, colours_folder)
    yield opened, InlineRunner(opened).submit(run_config(dataset, epochs=3))
    opened.store.close()


@pytest.fixture
def fill_disk_under(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Make the disk full for the writer of a given file."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    name_draft = files._draft_beside

    def fill(full: Path) -> None:
        def name_full_draft(path: Path) -> Path:
            draft = name_draft(path)
            if path == full:
                draft.symlink_to("/dev/full")
            return draft

        monkeypatch.setattr(files, "_draft_beside", name_full_draft)

    return fill


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return a function that mounts a small disk, which is gone after the test."""
    with ExitStack() as mounted:

        def make(name: str = "disk", megabytes: int = 16) -> Path:
            return mounted.enter_context(small_disk(tmp_path / name, megabytes))

        yield make


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a local port that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """Return a local port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
