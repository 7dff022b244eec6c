"""Atomic writes: a file is replaced completely or not at all, even if its writer dies."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tl_core import files
from tl_core.files import move_into_place, remove_unfinished, replacing, write_whole

WRITE = """
import sys, time
from pathlib import Path
from tl_core.files import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"new" * 100_000)
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "file.bin"
    write_whole(path, "old")
    return path


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_made_and_replaced_with_nothing_left_beside_it(tmp_path: Path, durable: bool):
    path = tmp_path / "new" / "folder" / "file.txt"
    for content in ("först", "second"):
        write_whole(path, content, durable=durable)
        assert path.read_bytes() == content.encode()
    assert list(path.parent.iterdir()) == [path]


def test_readers_find_the_old_content_until_the_block_has_ended(path: Path):
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_an_error_in_the_block_leaves_the_old_content(path: Path):
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"new")
        file.write(bytes(1 // 0))
    assert path.read_bytes() == b"old" and list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_content(path: Path, fill_disk_under: Callable[[Path], None]):
    fill_disk_under(path)
    with pytest.raises(OSError) as failure:
        write_whole(path, "new")
    assert failure.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old" and list(path.parent.iterdir()) == [path]


def test_a_disk_that_is_full_only_when_synchronised_leaves_the_old_content(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_bytes() == b"old" and list(path.parent.iterdir()) == [path]


def test_a_killed_writer_leaves_the_old_content_and_a_file_that_can_be_swept(path: Path):
    command = [sys.executable, "-c", WRITE, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == b"old" and len(list(path.parent.iterdir())) == 2
    remove_unfinished(path.parent.parent)
    assert path.read_bytes() == b"old" and list(path.parent.iterdir()) == [path]


def test_two_writers_at_once_do_not_disturb_each_other(path: Path):
    contents = [bytes([number]) * 100_000 for number in range(4)]
    failures = []

    def write(content: bytes) -> None:
        try:
            for _ in range(20):
                write_whole(path, content)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_bytes() in (b"old", *contents)
    assert not failures
    assert path.read_bytes() in contents and list(path.parent.iterdir()) == [path]


def test_sweeps_take_no_file_from_its_writer_however_fast_they_follow(path: Path):
    is_over = threading.Event()

    def sweep() -> None:
        while not is_over.is_set():
            remove_unfinished(path.parent)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for number in range(500):
            write_whole(path, str(number), durable=False)
    finally:
        is_over.set()
        sweeper.join()
    assert path.read_bytes() == b"499" and list(path.parent.iterdir()) == [path]


def test_the_file_and_its_folder_are_synchronised_only_where_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    synchronised = []
    monkeypatch.setattr(files.os, "fsync", synchronised.append)
    write_whole(path, "new", durable=False)
    assert not synchronised
    write_whole(path, "new")
    assert len(synchronised) == 2


def test_a_folder_that_cannot_be_opened_need_not_be_synchronised(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_arguments: object) -> int:
        raise PermissionError(errno.EACCES, "as on Windows")

    monkeypatch.setattr(files.os, "open", refuse)
    write_whole(path, "new")
    assert path.read_bytes() == b"new"


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path):
    write_whole(tmp_path / "ours", "")
    (tmp_path / "other").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_longest_name_is_not_too_long(tmp_path: Path):
    path = tmp_path / ("n" * 255)
    write_whole(path, "text")
    assert path.read_text() == "text"


@pytest.mark.parametrize("is_other_disk", [False, True])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_file_or_folder_is_moved_into_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, is_other_disk: bool
):
    made = tmp_path / "made"
    if kind == "folder":
        (made / "inside").mkdir(parents=True)
        (made / "inside" / "x").write_text("content")
    else:
        made.write_text("content")
    real = os.replace

    def refuse_across(self: Path, target: Path) -> None:
        if self == made:
            raise OSError(errno.EXDEV, "another disk")
        real(self, target)

    if is_other_disk:
        monkeypatch.setattr(Path, "replace", refuse_across)
    target = tmp_path / "new" / "target"
    move_into_place(made, target)
    found = target / "inside" / "x" if kind == "folder" else target
    assert found.read_text() == "content" and list(target.parent.iterdir()) == [target]
