"""Secrets in files: made once, whole, and for their owner alone."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from tl_core.secret_files import make_secret, read_or_create, write_private


def test_all_who_ask_at_once_get_the_same_secret(tmp_path):
    file = tmp_path / "home" / "a.secret"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: read_or_create(file, make_secret, shortest=32), range(32)))
    assert made == {file.read_bytes()}
    assert [path.name for path in file.parent.glob("*secret*")] == ["a.secret"]


@pytest.mark.parametrize("left", [b"", b"half"])
def test_a_part_of_a_secret_is_replaced(tmp_path, left):
    (tmp_path / "a.secret").write_bytes(left)
    made = read_or_create(tmp_path / "a.secret", make_secret, shortest=32)
    assert len(made) == 32
    assert (tmp_path / "a.secret").read_bytes() == made


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_nobody_else_may_read_it_even_where_an_older_file_was_open_to_all(tmp_path):
    file = tmp_path / "a.secret"
    file.touch(mode=0o666)
    write_private(file, b"secret")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_secret_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "a.secret"
    write_private(file, b"old")

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_private(file, b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
