"""The home folder is its owner's alone, and one that cannot be written is refused in a sentence."""

import os
import stat
from pathlib import Path

import pytest
from disks import remount
from making_runs import open_home

from tl_core.errors import StoreUnavailable
from tl_core.home import is_private, why_not_writable

on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@on_posix
def test_a_new_home_and_its_database_are_for_the_owner_alone(tmp_path: Path):
    mask = os.umask(0o022)
    try:
        workspace = open_home(tmp_path / "shared" / "home")
    finally:
        os.umask(mask)
    home = workspace.settings.home
    # Reading opens the write-ahead log.
    assert workspace.store.list_runs() == []
    assert rights(home) == 0o700 and rights(home.parent) == 0o755
    files = sorted(home.glob("transferlab.db*"))
    assert len(files) > 1 and {rights(path) for path in files} == {0o600}


@on_posix
def test_a_home_of_an_earlier_release_becomes_private(tmp_path: Path):
    home = tmp_path / "home"
    open_home(home).store.close()
    home.chmod(0o755)
    database = home / "transferlab.db"
    database.chmod(0o644)
    assert not is_private(home)
    open_home(home).store.close()
    assert is_private(home) and rights(database) == 0o600


def test_a_read_only_home_is_refused_with_a_sentence(make_disk):
    home = make_disk()
    open_home(home).store.close()
    remount(home, "ro")
    with pytest.raises(
        StoreUnavailable,
        match=r"cannot be written \(Read-only file system\).*or set TRANSFERLAB_HOME to one",
    ):
        open_home(home)
    assert why_not_writable(home) == "Read-only file system"


@pytest.mark.skipif(os.name == "nt" or not os.geteuid(), reason="root may write everywhere")
def test_a_home_of_somebody_else_is_refused_likewise(tmp_path: Path):
    tmp_path.chmod(0o555)
    with pytest.raises(StoreUnavailable, match=r"cannot be written \(Permission denied\)"):
        open_home(tmp_path)


def test_a_file_in_the_place_of_the_cache_only_costs_time(tmp_path: Path, caplog):
    (tmp_path / "cache").write_text("")
    workspace = open_home(tmp_path)
    assert workspace.cache is None and workspace.store.list_runs() == []
    assert "cache cannot be used (File exists)" in caplog.text
    assert "doctor --repair" in caplog.text
