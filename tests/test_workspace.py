"""Workspaces: opened where the environment says, created if missing, or refused with a reason."""

from pathlib import Path

import numpy as np
import pytest
from making_runs import open_home

from tl_core.errors import StoreUnavailable
from tl_core.settings import Settings
from tl_core.workspace import open_workspace


def test_a_home_is_made_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = tmp_path / "not" / "there yet"
    monkeypatch.setenv("TRANSFERLAB_HOME", str(home))
    monkeypatch.delenv("TRANSFERLAB_DATABASE_URL", raising=False)
    first = open_workspace()
    assert first.settings.home == first.artifacts.home == home and home.is_dir()
    assert first.store.list_runs() == first.store.list_datasets() == []
    assert open_workspace().store.list_runs() == []


def test_two_homes_know_nothing_of_each_other(tmp_path: Path, finished):
    other = open_home(tmp_path / "other")
    assert other.store.list_datasets() == [] and finished[0].store.list_datasets() != []


def test_without_room_for_a_cache_what_was_kept_before_goes(tmp_path: Path):
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'x.db'}", cache_gb=1)
    first = open_workspace(settings)
    assert first.cache.shelf({"made by": "a test"}).write(["a"], np.zeros((1, 10), np.uint8))
    assert open_workspace(settings.model_copy(update={"cache_gb": 0})).cache is None
    assert first.cache.bytes_kept() == 0


@pytest.mark.parametrize("home", ["file", "file/below"])
def test_a_home_that_cannot_be_is_a_sentence(tmp_path: Path, home: str):
    (tmp_path / "file").write_text("")
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with pytest.raises(
        StoreUnavailable, match=r"cannot be created .*: set TRANSFERLAB_HOME to one you own"
    ):
        open_workspace(Settings(home=tmp_path / home, database_url=url))


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path):
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StoreUnavailable, match=r'folder\.db" cannot be used'):
        open_workspace(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'folder.db'}"))
