import pytest
from browsing import ROOT, Server, chromium
from making_runs import open_home


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def workspace(home):
    """Open the home folder of the server beside it."""
    workspace = open_home(home)
    yield workspace
    workspace.store.close()


@pytest.fixture(scope="module")
def server(home):
    server = Server(ROOT / "app.py", home)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser
