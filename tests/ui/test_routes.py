import io

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.testclient import TestClient

from tl_core.config import RunConfig
from tl_core.data.file_types import EXTENSIONS
from tl_core.data.images import thumbnail_path
from tl_core.facts import RunFacts
from tl_core.records import RunState
from tl_ui.data.uploads import uploads_for
from tl_ui.routes import make_routes

SHA = "a" * 64


@pytest.fixture
def upload_url(tokens):
    return f"/api/uploads/{tokens.sign('upload', 'u1')}"


@pytest.fixture
def pictures(served):
    folder = served.artifacts.dataset_folder("d1")
    (folder / "thumbnails").mkdir(parents=True)
    (folder / "images").mkdir()
    Image.new("RGB", (10, 10)).save(thumbnail_path(folder, SHA), "WEBP")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (3000, 1000), "red").save(folder / "images" / f"{SHA}.png", exif=turned)


@pytest.fixture
def run(served):
    return served.store.add_run(RunConfig.model_validate({"data": {"dataset_id": "d1"}}), "flowers")


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/api/runs/r1/predict", 405, "POST"),
        ("POST", "/api/health", 405, "GET, HEAD"),
        ("PUT", "/api/uploads/token", 405, "DELETE"),
        ("GET", "/api/nothing/here", 404, None),
    ],
)
def test_what_the_routes_do_not_take_is_refused_before_streamlit_answers_it_with_a_page(
    served, method, path, status, allowed
):
    page = Mount("/", PlainTextResponse("a page"))
    with TestClient(Starlette(routes=[*make_routes(lambda: served), page])) as client:
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers.get("allow")) == (status, allowed)
        assert answer.json()["error"] and "no-store" in answer.headers["cache-control"]
        assert client.get("/elsewhere").text == "a page"


def test_who_may_read_may_ask_for_the_headers_alone(client, tokens, run, pictures):
    for path, token in [
        ("/api/health", ""),
        ("/api/plotly.js", ""),
        (f"/api/runs/{run.id}/charts/loss", tokens.sign("run", run.id)),
        (f"/api/datasets/d1/images/{SHA}", tokens.sign("dataset", "d1")),
    ]:
        reply = client.head(path, params={"token": token})
        assert (reply.status_code, reply.content) == (200, b"")


def test_the_pages_own_routes_are_not_described_to_programs(client):
    document = client.get("/api/openapi.json").json()
    assert list(document["paths"]) == ["/api/runs/{run_id}/predict"]


def test_health(client):
    assert client.get("/api/health").json() == {"status": "ok"}


def test_an_upload_from_first_batch_to_finish(client, served, upload_url, body):
    assert (
        client.post(f"{upload_url}/batch/0", content=body([("a/1.jpg", b"12")])).status_code == 200
    )
    assert (
        client.post(f"{upload_url}/batch/1", content=body([("b/2.jpg", b"345")])).status_code == 200
    )
    reply = client.post(f"{upload_url}/finish", json={"batches": 2, "files": 2, "bytes": 5})
    assert (reply.status_code, reply.json()) == (200, {"upload_id": "u1"})
    with uploads_for(served.settings).take("u1") as upload:
        assert [(name, path.read_bytes()) for name, path in upload.entries()] == [
            ("a/1.jpg", b"12"),
            ("b/2.jpg", b"345"),
        ]


def test_finish_says_what_is_missing(client, upload_url):
    reply = client.post(f"{upload_url}/finish", json={"batches": 2, "files": 2, "bytes": 5})
    assert reply.status_code == 409
    assert reply.json()["missing"] == [0, 1]


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b"\xff", b'{"batches":-1,"files":1,"bytes":1}', b"9" * 20_000]
)
def test_a_damaged_finish_is_refused(client, upload_url, said):
    reply = client.post(f"{upload_url}/finish", content=said)
    assert reply.status_code == 400
    assert reply.json()["error"].endswith(".")


def test_too_much_is_413(client, upload_url, body):
    reply = client.post(f"{upload_url}/batch/0", content=body([("a", b"x" * 1001)]))
    assert reply.status_code == 413
    assert "1.0 kB" in reply.json()["error"]


@pytest.mark.parametrize("number", ["99999999", "9" * 5000, "-1", "one"])
def test_a_batch_number_out_of_range_is_refused(client, upload_url, body, number):
    reply = client.post(f"{upload_url}/batch/{number}", content=body([("a", b"x")]))
    assert reply.status_code == 400 and reply.json()["error"].endswith(".")


def test_a_dropped_upload_is_gone(client, served, upload_url, body):
    client.post(f"{upload_url}/batch/0", content=body([("a", b"1")]))
    assert client.delete(upload_url).json() == {"dropped": True}
    assert list((served.settings.home / "staging").iterdir()) == []
    assert client.delete(upload_url).status_code == 200


@pytest.mark.parametrize("purpose", ["run", "dataset", "other"])
def test_an_upload_asks_for_a_token_of_its_own_purpose(client, tokens, body, purpose):
    token = tokens.sign(purpose, "u1")
    for path in ("batch/0", "finish"):
        reply = client.post(f"/api/uploads/{token}/{path}", content=body([("a", b"1")]))
        assert reply.status_code == 403
        assert reply.json()["error"].endswith(".")
    assert client.delete(f"/api/uploads/{token}").status_code == 403


@given(data=st.binary(max_size=200))
@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_rubbish_is_a_sentence_and_never_a_server_error(client, upload_url, data):
    reply = client.post(f"{upload_url}/batch/0", content=data)
    assert 400 <= reply.status_code < 500
    assert reply.json()["error"]


def test_a_thumbnail(client, tokens, pictures):
    reply = client.get(
        f"/api/datasets/d1/thumbnails/{SHA}", params={"token": tokens.sign("dataset", "d1")}
    )
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/webp")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"].startswith("private")


def test_a_full_image_is_an_upright_jpeg_of_bounded_size(client, tokens, pictures):
    reply = client.get(
        f"/api/datasets/d1/images/{SHA}", params={"token": tokens.sign("dataset", "d1")}
    )
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/jpeg")
    image = Image.open(io.BytesIO(reply.content))
    assert image.format == "JPEG"
    assert image.height == 1024
    assert image.width in (341, 342)


@pytest.mark.parametrize("kind", EXTENSIONS)
def test_an_image_of_any_format_is_sent_as_one_that_browsers_show(client, served, tokens, kind):
    folder = served.artifacts.dataset_folder("d1") / "images"
    folder.mkdir(parents=True)
    file = folder / f"{SHA}.{EXTENSIONS[kind]}"
    Image.new("RGB", (64, 64), "red").save(file, kind, sizes=[(64, 64)])
    token = tokens.sign("dataset", "d1")
    reply = client.get(f"/api/datasets/d1/images/{SHA}", params={"token": token})
    image = Image.open(io.BytesIO(reply.content))
    assert (image.format, image.size) == ("JPEG", (64, 64))


@pytest.mark.parametrize("kind", ["thumbnails", "images"])
@pytest.mark.parametrize("sha", ["b" * 64, "a" * 63, "A" * 64, "..", "a" * 64 + "%0a"])
def test_no_other_file_can_be_asked_for(client, tokens, pictures, kind, sha):
    reply = client.get(
        f"/api/datasets/d1/{kind}/{sha}", params={"token": tokens.sign("dataset", "d1")}
    )
    assert reply.status_code == 404


@pytest.mark.parametrize("subject", ["..", "../d1", "d1/.."])
def test_a_dataset_id_is_never_a_path(client, tokens, pictures, subject):
    quoted = subject.replace("/", "%2F").replace(".", "%2E")
    reply = client.get(
        f"/api/datasets/{quoted}/thumbnails/{SHA}",
        params={"token": tokens.sign("dataset", subject)},
    )
    assert reply.status_code in (403, 404)


def test_pictures_ask_for_a_token_of_their_dataset(client, tokens, pictures):
    for token in ("", "x", tokens.sign("dataset", "d2"), tokens.sign("run", "d1")):
        reply = client.get(f"/api/datasets/d1/thumbnails/{SHA}", params={"token": token})
        assert reply.status_code == 403


def test_a_damaged_image_is_a_sentence(client, served, tokens):
    folder = served.artifacts.dataset_folder("d1") / "images"
    folder.mkdir(parents=True)
    (folder / f"{SHA}.jpg").write_bytes(b"not an image")
    reply = client.get(
        f"/api/datasets/d1/images/{SHA}", params={"token": tokens.sign("dataset", "d1")}
    )
    assert reply.status_code == 400
    assert reply.json()["error"]


@pytest.mark.parametrize(
    "kind", ["loss", "accuracy", "learning-rate", "confusion", "confusion-test"]
)
def test_a_chart_is_sent_once_for_each_version(client, tokens, run, kind):
    url, token = f"/api/runs/{run.id}/charts/{kind}", tokens.sign("run", run.id)
    content = client.get(url, params={"token": token}).json()
    assert content["live"] is True
    assert {"data", "layout"} <= content["figure"].keys()
    assert content["alt"]
    again = client.get(url, params={"token": token, "version": content["version"]})
    assert (again.status_code, again.content) == (204, b"")


def test_a_chart_says_when_its_run_has_ended(client, served, tokens, run, monkeypatch):
    monkeypatch.setattr("tl_ui.routes.charts.CHECK_SECONDS", 0)
    monkeypatch.setattr("tl_ui.routes.charts._REST", 0)
    url, token = f"/api/runs/{run.id}/charts/loss", tokens.sign("run", run.id)
    version = client.get(url, params={"token": token}).json()["version"]
    served.store.claim_run(run.id)
    served.store.finish_run(run.id, RunState.COMPLETED)
    assert client.get(url, params={"token": token, "version": version}).json()["live"] is False


def test_charts_ask_for_a_token_of_their_run(client, tokens, run):
    for token in ("", tokens.sign("run", "other"), tokens.sign("dataset", run.id)):
        assert (
            client.get(f"/api/runs/{run.id}/charts/loss", params={"token": token}).status_code
            == 403
        )


@pytest.mark.parametrize("kind", ["loss", "accuracy"])
def test_a_comparison_is_sent_once_for_each_version(client, served, tokens, run, kind):
    served.store.update_run(run.id, facts=RunFacts(comparison="c1"))
    url, token = f"/api/comparisons/c1/charts/{kind}", tokens.sign("comparison", "c1")
    content = client.get(url, params={"token": token}).json()
    assert len(content["figure"]["data"]) == 1
    assert (
        client.get(url, params={"token": token, "version": content["version"]}).status_code == 204
    )


def test_comparisons_ask_for_a_token_of_their_own(client, tokens, run):
    for token in ("", tokens.sign("comparison", "c2"), tokens.sign("run", "c1")):
        assert (
            client.get("/api/comparisons/c1/charts/loss", params={"token": token}).status_code
            == 403
        )
    token = tokens.sign("comparison", "c1")
    for kind in ("loss", "pie"):
        assert (
            client.get(f"/api/comparisons/c1/charts/{kind}", params={"token": token}).status_code
            == 404
        )


def test_a_packed_run_is_sent_as_a_file(client, served, tokens, run):
    file = served.artifacts.run_folder(run.id) / "export-onnx.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * 200_000)
    token = tokens.sign("export", run.id)
    reply = client.get(f"/api/runs/{run.id}/export-onnx.zip", params={"token": token})
    assert (reply.status_code, reply.content) == (200, b"x" * 200_000)
    assert (
        reply.headers["content-disposition"] == f'attachment; filename="transferlab-{run.id}.zip"'
    )
    for name in ("export-int8", "export-..", "export-..%2Fexport-onnx", "export-ONNX"):
        assert (
            client.get(f"/api/runs/{run.id}/{name}.zip", params={"token": token}).status_code == 404
        )
    for other in ("", tokens.sign("run", run.id), tokens.sign("export", "other")):
        assert (
            client.get(f"/api/runs/{run.id}/export-onnx.zip", params={"token": other}).status_code
            == 403
        )


def test_unknown_charts_and_runs_are_404(client, tokens, run):
    token = tokens.sign("run", run.id)
    assert client.get(f"/api/runs/{run.id}/charts/pie", params={"token": token}).status_code == 404
    gone = tokens.sign("run", "nothere1")
    assert client.get("/api/runs/nothere1/charts/loss", params={"token": gone}).status_code == 404


def test_plotly_is_packed_and_kept_by_the_browser(client):
    reply = client.get("/api/plotly.js", headers={"accept-encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip"
    assert "max-age=31536000" in reply.headers["cache-control"]
    assert "Plotly" in reply.text
    again = client.get("/api/plotly.js", headers={"if-none-match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (
        "content-encoding"
        not in client.get("/api/plotly.js", headers={"accept-encoding": "identity"}).headers
    )


def test_a_defect_is_a_sentence_without_a_traceback(client, served, tokens, monkeypatch):
    monkeypatch.setattr(type(served.store), "get_run", lambda *_: 1 / 0)
    reply = client.get("/api/runs/r1/charts/loss", params={"token": tokens.sign("run", "r1")})
    assert reply.status_code == 500
    assert "division" not in reply.text
    assert reply.json()["error"]


def test_the_path_of_the_first_page_leads_to_it(client):
    answer = client.get("/data?dataset=a%26b", follow_redirects=False)
    assert answer.status_code == 307 and answer.headers["location"] == "./?dataset=a%26b"
    assert client.get("/data", follow_redirects=False).headers["location"] == "./"


def test_a_line_that_stalls_is_given_up(client, served, upload_url, body, monkeypatch):
    monkeypatch.setattr("tl_ui.routes.uploading._STALLED_SECONDS", 0.05)
    sent = body([("a", b"123456")])
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{upload_url}/batch/0",
        "query_string": b"",
        "headers": [(b"content-length", str(len(sent)).encode())],
    }
    answers = []
    pieces = [{"type": "http.request", "body": sent[:-2], "more_body": True}]

    async def receive():
        if pieces:
            return pieces.pop()
        await anyio.sleep_forever()

    async def send(message):
        answers.append(message)

    anyio.run(client.app, scope, receive, send)
    assert answers[0]["status"] == 408
    assert b"too slowly" in answers[1]["body"]
    assert uploads_for(served.settings).get("u1").entries() == []
    assert not uploads_for(served.settings).get("u1").is_arriving
