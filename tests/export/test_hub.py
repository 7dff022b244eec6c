"""Uploads to the Hub, replaced by a local server with the same interface or by a closed port."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tl_core.errors import ExportRefused
from tl_core.export.hub import check_name, upload


class Hub(BaseHTTPRequestHandler):
    """Parts of the Hub's interface that an upload of small files needs."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        repository = f"http://127.0.0.1:{self.server.server_port}/me/my-model"
        self.server.calls.append((self.path, self.headers.get("authorization"), body))
        if self.server.status != 200:
            return self._answer({"error": "not yours"}, self.server.status)
        if self.path.endswith("/create"):
            return self._answer({"url": repository})
        if "/preupload/" in self.path:
            modes = {"uploadMode": "regular", "shouldIgnore": False}
            files = [{"path": each["path"], **modes} for each in json.loads(body)["files"]]
            return self._answer({"files": files})
        commit = "0" * 40
        url = f"{repository}/commit/{commit}"
        return self._answer({"commitOid": commit, "commitUrl": url, "success": True})

    def do_GET(self):
        if self.path.startswith("/api/models/me/my-model") and self.server.status == 200:
            return self._answer({"id": "me/my-model", "private": self.server.is_private})
        status = 404 if self.server.status == 200 else self.server.status
        self._answer({"error": "not yours"}, status)

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
    server.calls = []
    server.status = 200
    server.is_private = True
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


def test_a_folder_arrives_completely_in_a_private_repository(hub, folder):
    upload(folder, "me/my-model", f"http://127.0.0.1:{hub.server_port}")
    calls = [call for call in hub.calls if "validate" not in call[0]]
    (_, token, creation), *_, (_, _, commit) = calls
    assert token == "Bearer hf_secret"
    # Releases of the library ask for a private repository in one way or the other.
    settings = json.loads(creation)
    assert settings.get("private") is True or settings.get("visibility") == "private"
    sent = [json.loads(line)["value"] for line in commit.splitlines() if b'"file"' in line]
    assert {f["path"]: base64.b64decode(f["content"]) for f in sent} == {
        "README.md": b"A model card",
        "receipt/0.png": b"a picture",
    }


def test_nothing_is_uploaded_to_a_public_repository(hub, folder):
    hub.is_private = False
    with pytest.raises(ExportRefused, match="everybody can see it"):
        upload(folder, "me/my-model", f"http://127.0.0.1:{hub.server_port}")
    assert not [path for path, *_ in hub.calls if "commit" in path]


def test_denied_access_is_explained(hub, folder):
    hub.status = 403
    with pytest.raises(ExportRefused, match=r"denies write access to 'me/my-model'.*HF_TOKEN"):
        upload(folder, "me/my-model", f"http://127.0.0.1:{hub.server_port}")


def test_a_missing_connection_is_explained(folder, closed_port):
    with pytest.raises(ExportRefused, match="could not be reached"):
        upload(folder, "me/my-model", f"http://127.0.0.1:{closed_port}")


@pytest.mark.parametrize("name", ["", "alone", "a/b/c", "me/..", "me/na me", "/x", "x/", "me/<b>"])
def test_an_invalid_name_is_refused(name):
    with pytest.raises(ExportRefused, match="give OWNER/NAME"):
        check_name(name)
