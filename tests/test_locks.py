"""Locks: one holder at a time; the death of its process releases a lock."""

import mmap
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tl_core.locks import hold_lock, is_locked, lock_alone, share_lock, try_lock

HOLD = """
import sys, time
from pathlib import Path
from tl_core.locks import try_lock
with try_lock(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "one.lock"


def test_a_lock_is_free_again_after_its_block(path: Path):
    for _ in range(2):
        with try_lock(path) as held:
            assert held
            assert path.exists()


def test_a_lock_is_free_again_after_a_failure(path: Path):
    with pytest.raises(ValueError), try_lock(path):
        raise ValueError
    with try_lock(path) as held:
        assert held


def test_a_held_lock_is_refused_at_once_to_the_same_process(path: Path):
    with try_lock(path), try_lock(path) as held:
        assert not held


def test_being_refused_does_not_take_the_lock_from_its_holder(path: Path):
    with try_lock(path):
        with try_lock(path):
            pass
        with try_lock(path) as held:
            assert not held


def test_a_shared_lock_lives_as_long_as_the_last_copy_of_its_descriptor(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"content")
    assert not is_locked(path)
    with path.open("rb") as one, path.open("rb") as other:
        share_lock(one)
        share_lock(other)
        mapping = mmap.mmap(one.fileno(), 0, access=mmap.ACCESS_READ)
    assert is_locked(path)
    mapping.close()
    assert not is_locked(path) and not is_locked(path.with_name("not there"))


def test_who_shares_a_lock_waits_until_nobody_holds_it_alone(path: Path):
    order = []

    def share() -> None:
        with path.open("rb") as file:
            share_lock(file)
            order.append("shared")

    with try_lock(path):
        assert is_locked(path)
        thread = threading.Thread(target=share)
        thread.start()
        order.append("held alone")
    thread.join()
    assert order == ["held alone", "shared"]
    assert not is_locked(path)


def test_a_file_is_locked_alone_only_where_nobody_has_a_lock_on_it(path: Path):
    path.parent.mkdir()
    path.touch()
    with path.open("rb") as one, path.open("rb") as other:
        assert lock_alone(one)
        assert not lock_alone(other)
    with path.open("rb") as file:
        assert lock_alone(file)


def test_threads_exclude_each_other(path: Path):
    seen = []

    def attempt() -> None:
        with try_lock(path) as held:
            seen.append(held)

    with try_lock(path):
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert seen == [False]


def test_waiting_for_a_lock_ends_when_it_is_free(path: Path):
    order = []

    def wait() -> None:
        with hold_lock(path):
            order.append("waited")

    with hold_lock(path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(timeout=0.2)
        order.append("let go")
    thread.join(timeout=30)
    assert order == ["let go", "waited"]


def test_a_killed_process_lets_go(path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "True\n"
        with try_lock(path) as held:
            assert not held
        process.send_signal(signal.SIGKILL)
        process.wait()
        with try_lock(path) as held:
            assert held


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_keep_its_parents_lock(path: Path):
    with try_lock(path):
        child = os.fork()
        if child == 0:
            threading.Event().wait(60)
            os._exit(0)
        with try_lock(path) as held:
            assert not held
    try:
        with try_lock(path) as held:
            assert held
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
