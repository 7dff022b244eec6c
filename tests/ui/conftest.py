import json
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tl_core.settings import Limits, Settings
from tl_core.store import Artifacts, Store, open_store
from tl_ui.routes import make_routes
from tl_ui.tokens import Tokens


@dataclass(frozen=True)
class Served:
    settings: Settings
    store: Store
    artifacts: Artifacts


@pytest.fixture
def served(tmp_path):
    settings = Settings(
        home=tmp_path,
        database_url=f"sqlite:///{tmp_path / 'test.db'}",
        limits=Limits(max_files=20, max_bytes=1000),
    )
    store = open_store(settings.database_url)
    yield Served(settings, store, Artifacts(tmp_path))
    store.close()


@pytest.fixture
def client(served):
    with TestClient(
        Starlette(routes=make_routes(lambda: served)), raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture
def tokens(served):
    return Tokens(served.settings.home)


@pytest.fixture
def body():
    return make_body


def make_body(files, sizes=None):
    """Encode a batch as the browser does; `sizes` replaces the true sizes."""
    sizes = sizes or [len(data) for _, data in files]
    header = json.dumps(
        [{"name": name, "size": n} for (name, _), n in zip(files, sizes, strict=True)]
    ).encode()
    return len(header).to_bytes(4, "big") + header + b"".join(data for _, data in files)
