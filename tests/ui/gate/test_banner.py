"""An app that is open to everyone in its network says so on every page."""

import pytest
from filled_pages import words, workspace
from opening_pages import open_as

from tl_ui import navigation

__all__ = ["workspace"]

PAGES = sorted({*navigation._FILES} - {"classroom", "wall"})
"""Pages of an app without people."""


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_everyone_may_do_everything(workspace, monkeypatch, page):
    monkeypatch.setenv("TRANSFERLAB_ALLOW_OPEN", "1")
    assert "TRANSFERLAB_ALLOW_OPEN" in words(open_as(monkeypatch, "", page))


def test_an_app_for_this_machine_says_nothing(workspace, monkeypatch):
    assert "TRANSFERLAB_ALLOW_OPEN" not in words(open_as(monkeypatch, "", "data"))


def test_a_class_is_not_open_to_everyone(workspace, monkeypatch):
    monkeypatch.setenv("TRANSFERLAB_ALLOW_OPEN", "1")
    monkeypatch.setenv("TRANSFERLAB_ACCESS", "classroom")
    assert "TRANSFERLAB_ALLOW_OPEN" not in words(open_as(monkeypatch, "", "data"))
