"""What a page says of the people who use it."""

import pytest

from tl_core.settings import Settings
from tl_ui import people


@pytest.mark.parametrize(("allow_open", "words"), [("", ""), ("1", " for everyone")])
def test_a_deletion_is_for_everyone_only_where_others_are_let_in(monkeypatch, allow_open, words):
    settings = Settings.from_environment({"TRANSFERLAB_ALLOW_OPEN": allow_open})
    monkeypatch.setattr(people, "get_settings", lambda: settings)
    assert people.for_everyone() == words
