import pytest
from two_spaces import be_in, settle_in


@pytest.fixture(scope="module")
def spaces(tmp_path_factory):
    home = tmp_path_factory.mktemp("class") / "home"
    made = settle_in(home, tmp_path_factory.mktemp("given"))
    yield made
    made.workspace.store.close()


@pytest.fixture
def house(spaces, monkeypatch):
    be_in(monkeypatch, spaces)
    return spaces
