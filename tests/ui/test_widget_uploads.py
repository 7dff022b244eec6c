"""Pictures that Streamlit's own widgets send are bounded, since they stay in memory."""

from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tl_ui import widget_uploads
from tl_ui.widget_uploads import MOST_BYTES, MOST_BYTES_TOGETHER, MOST_FILES, WidgetUploads

ADDRESS = "/base/_stcore/upload_file/session/file"


def kept(monkeypatch: pytest.MonkeyPatch, sizes: dict[str, list[int]]) -> None:
    """Have Streamlit's manager hold files of these sizes, by session."""
    storage = {
        session: {str(n): SimpleNamespace(data=range(size)) for n, size in enumerate(files)}
        for session, files in sizes.items()
    }
    instance = SimpleNamespace(uploaded_file_mgr=SimpleNamespace(file_storage=storage))
    monkeypatch.setattr(widget_uploads.runtime, "exists", lambda: True)
    monkeypatch.setattr(widget_uploads.runtime, "get_instance", lambda: instance)


@pytest.fixture
def client() -> TestClient:
    def take(request: object) -> PlainTextResponse:
        return PlainTextResponse("taken")

    routes = [Route("/{path:path}", take, methods=["PUT", "DELETE"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(WidgetUploads)]))


@pytest.mark.parametrize(
    "sizes",
    [
        {"session": [1] * MOST_FILES},
        {"session": [MOST_BYTES]},
        {f"other {n}": [MOST_BYTES] for n in range(MOST_BYTES_TOGETHER // MOST_BYTES)},
    ],
    ids=["files", "bytes", "bytes of all"],
)
def test_what_is_too_much_is_refused_with_a_sentence(client, monkeypatch, sizes):
    kept(monkeypatch, sizes)
    reply = client.put(ADDRESS, content=b"x")
    assert reply.status_code == 413 and "take fewer" in reply.text
    # Deleting always helps, and other requests are not concerned.
    assert client.delete(ADDRESS).text == "taken"
    assert client.put("/api/x", content=b"x").text == "taken"


def test_a_picture_is_taken_where_there_is_room(client, monkeypatch):
    kept(monkeypatch, {"session": [1] * (MOST_FILES - 1), "other": [MOST_BYTES]})
    assert client.put(ADDRESS, content=b"x").text == "taken"
