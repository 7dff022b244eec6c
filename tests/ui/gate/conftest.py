import pytest
from making_runs import open_home
from ui.gate.standing import House

from tl_core.access import Directory


@pytest.fixture
def make_house(tmp_path):
    opened = []

    def make(access="classroom", listens_on="localhost", **settings):
        workspace = open_home(tmp_path / "home")
        opened.append(workspace)
        changed = workspace.settings.model_copy(update={"access": access, **settings})
        return House(changed, Directory(workspace), listens_on)

    yield make
    for workspace in opened:
        workspace.store.close()


@pytest.fixture
def house(make_house):
    return make_house()
