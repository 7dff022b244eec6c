"""Uploading to the Hub: to a server of ours that speaks its calls, and to none."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tl_core.errors import ExportRefused
from tl_core.export.hub import check_name, upload


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub's interface as an upload of small files needs."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        calls, repository = (
            self.server.calls,
            f"http://127.0.0.1:{self.server.server_port}/me/my-model",
        )
        calls.append((self.path, self.headers.get("authorization"), body))
        if self.server.status != 200:
            return self._answer({"error": "not yours"}, self.server.status)
        if self.path.endswith("/create"):
            return self._answer({"url": repository})
        if "/preupload/" in self.path:
            files = json.loads(body)["files"]
            return self._answer(
                {
                    "files": [
                        {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                        for f in files
                    ]
                }
            )
        return self._answer(
            {"commitOid": "0" * 40, "commitUrl": f"{repository}/commit/{'0' * 40}", "success": True}
        )

    def do_GET(self):
        if self.path.startswith("/api/models/me/my-model") and self.server.status == 200:
            return self._answer({"id": "me/my-model", "private": self.server.is_private})
        self._answer(
            {"error": "not yours"}, self.server.status if self.server.status != 200 else 404
        )

    def _answer(self, content, status=200):
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.calls, server.status, server.is_private = [], 200, True
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "receipt").mkdir()
    (tmp_path / "receipt" / "0.png").write_bytes(b"a picture")
    (tmp_path / "README.md").write_text("A model card")
    return tmp_path


def test_a_folder_arrives_whole_in_a_repository_that_is_private(hub, folder):
    upload(folder, "me/my-model", f"http://127.0.0.1:{hub.server_port}")
    (_, token, made), *_, (_, _, commit) = [call for call in hub.calls if "validate" not in call[0]]
    assert token == "Bearer hf_secret"
    assert (
        json.loads(made).get("private") is True or json.loads(made).get("visibility") == "private"
    )
    sent = [json.loads(line)["value"] for line in commit.splitlines() if b'"file"' in line]
    assert {f["path"]: base64.b64decode(f["content"]) for f in sent} == {
        "README.md": b"A model card",
        "receipt/0.png": b"a picture",
    }


def test_nothing_goes_where_everybody_can_see_it(hub, folder):
    hub.is_private = False
    with pytest.raises(ExportRefused, match="everybody can see it"):
        upload(folder, "me/my-model", f"http://127.0.0.1:{hub.server_port}")
    assert not [path for path, *_ in hub.calls if "commit" in path]


def test_who_may_not_write_there_is_told_what_to_do(hub, folder):
    hub.status = 403
    with pytest.raises(ExportRefused, match=r"does not let us write to 'me/my-model'.*HF_TOKEN"):
        upload(folder, "me/my-model", f"http://127.0.0.1:{hub.server_port}")


def test_without_a_connection_there_is_a_sentence(folder, closed_port):
    with pytest.raises(ExportRefused, match="could not be reached"):
        upload(folder, "me/my-model", f"http://127.0.0.1:{closed_port}")


@pytest.mark.parametrize("name", ["", "alone", "a/b/c", "me/..", "me/na me", "/x", "x/", "me/<b>"])
def test_a_name_that_is_none_is_refused_before_anything_is_done(name):
    with pytest.raises(ExportRefused, match="give OWNER/NAME"):
        check_name(name)
