"""Predictions over HTTP equal those elsewhere, and errors are sentences."""

import io
import json
from pathlib import Path

import jsonschema
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tl_core.cli.predict import predict
from tl_core.data.file_types import EXTENSIONS
from tl_core.records import Run
from tl_core.runs.predictor import Predictor
from tl_core.serving import images, make_app
from tl_core.workspace import Workspace

Finished = tuple[Workspace, Run]
KEY = "0123456789abcdef"


@pytest.fixture
def document(client: TestClient) -> dict:
    return client.get("/api/openapi.json").json()


def conforms(content: object, document: dict, schema: str) -> bool:
    """Return True if content fits a schema of the OpenAPI document; else raise."""
    jsonschema.validate(content, {**document, "$ref": f"#/components/schemas/{schema}"})
    return True


def as_rows(answers: list[dict], classes: tuple[str, ...]) -> list[list[float]]:
    """Return the confidences [images, classes], in the order of `classes`."""
    by_class = [{top["class"]: top["confidence"] for top in answer["top"]} for answer in answers]
    return [[row[name] for name in classes] for row in by_class]


def test_predictions_are_the_same_everywhere(
    finished: Finished, client: TestClient, address: str, tested_files: list[Path], capsys
):
    workspace, run = finished
    classes = workspace.store.get_dataset(run.config.data.dataset_id).classes
    _, stored = workspace.store.list_predictions(run.id, "test")
    files = [(path.name, path.open("rb")) for path in tested_files]
    page = Predictor.of_run(workspace, run.id).predict(files)
    rows = {"page": [[dict(answer.top)[name] for name in classes] for answer in page]}
    form = [("image", (path.name, path.read_bytes())) for path in tested_files]
    rows["form"] = as_rows(client.post(address, files=form).json()["answers"], classes)
    replies = [client.post(address, content=path.read_bytes()) for path in tested_files]
    rows["alone"] = as_rows([reply.json()["answers"][0] for reply in replies], classes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tl_core.workspace.open_workspace", lambda: workspace)
        predict(run.id, tested_files, as_json=True)
    rows["command line"] = as_rows(json.loads(capsys.readouterr().out), classes)
    # The stored predictions come from the frozen prefix in ONNX Runtime, all others from one model
    # in PyTorch, so the tolerances differ.
    for confidences in rows.values():
        for row, prediction, on_page in zip(confidences, stored, rows["page"], strict=True):
            assert row == pytest.approx(list(prediction.probabilities), abs=1e-5)
            assert row == pytest.approx(on_page, abs=1e-6)


def test_responses_follow_the_openapi_document(
    client: TestClient, address: str, document: dict, tested_files: list[Path]
):
    form = [
        ("a", ("=1+1 <b>.png", tested_files[0].read_bytes())),
        ("b", ("text.jpg", b"not a picture")),
    ]
    reply = client.post(address, params={"top": 2}, files=form)
    assert reply.status_code == 200 and conforms(reply.json(), document, "Answers")
    first, second = reply.json()["answers"]
    assert first["image"] == "=1+1 <b>.png" and len(first["top"]) == 2 and first["error"] is None
    assert second["top"] == [] and second["error"].endswith(".")


def test_the_document_describes_all_responses_and_nothing_else(document: dict):
    assert document["openapi"].startswith("3.1") and "servers" not in document
    (path,) = document["paths"]
    assert path == "/api/runs/{run_id}/predict" and list(document["paths"][path]) == ["post"]
    predict = document["paths"][path]["post"]
    schemas = {
        status: answer["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
        for status, answer in predict["responses"].items()
    }
    failures = {str(status): "Error" for status in (400, 403, 404, 408, 413, 429, 500, 503)}
    assert schemas == {"200": "Answers", "422": "Answers", **failures}
    assert predict["security"] == [{"key": []}]
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert {"image/*", "multipart/form-data"} < predict["requestBody"]["content"].keys()
    assert [(p["in"], p["name"]) for p in predict["parameters"]] == [
        ("path", "run_id"),
        ("query", "top"),
    ]
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert document["components"]["schemas"].keys() == {
        *("Answers", "ClassConfidence", "Error", "ImageAnswer")
    }


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/api/docs", "/api/redoc", "/openapi.json"])
def test_there_is_no_page_with_scripts_from_other_servers(client: TestClient, path: str):
    assert client.get(path).status_code == 404


def test_all_responses_have_the_security_headers(
    finished: Finished, client: TestClient, address: str, monkeypatch
):
    monkeypatch.setattr(type(finished[0].store), "get_run", lambda *_: 1 / 0)
    answers = {
        200: client.get("/api/openapi.json"),
        404: client.get("/api/nothing"),
        405: client.get(address),
        500: client.post(address),
    }
    for status, reply in answers.items():
        assert reply.status_code == status and "detail" not in reply.json()
        assert "sandbox" in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
    assert "division" not in answers[500].text and answers[500].json()["error"].endswith(".")


def test_predict_accepts_only_post(client: TestClient, address: str):
    reply = client.get(address)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    assert reply.json()["error"] == "This address accepts POST, not GET."


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/nothing", 404),
        ("BREW", "/api/health", 405),
        ("PUT", "/api/openapi.json", 405),
    ],
)
def test_unknown_addresses_and_methods_are_refused_in_json(
    client: TestClient, document: dict, method: str, path: str, status: int
):
    reply = client.request(method, path)
    assert reply.status_code == status and conforms(reply.json(), document, "Error")
    assert "no-store" in reply.headers["cache-control"]
    assert ("allow" in reply.headers) is (status == 405)


def png(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "PNG")
    return buffer.getvalue()


def test_every_format_is_predicted_whatever_its_name(client: TestClient, address: str):
    files = []
    for place, kind in enumerate(EXTENSIONS):
        buffer = io.BytesIO()
        Image.new("RGB", (32, 32), "red").save(buffer, kind, sizes=[(32, 32)])
        files.append(("image", (f"{place}.txt", buffer.getvalue())))
    answers = client.post(address, files=files).json()["answers"]
    assert [answer["error"] for answer in answers] == [None] * len(EXTENSIONS)


def test_images_of_extreme_shapes_are_predicted(client: TestClient, address: str):
    for size in ((1, 1), (20_000, 3)):
        assert client.post(address, content=png(size)).status_code == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a picture", "not an image"),
        (png((20_000, 20_000)), "more pixels than can be opened safely"),
        (png((90, 90))[:60], "cut off"),
    ],
    ids=["text", "bomb", "cut off"],
)
def test_an_unusable_image_gets_a_reason(
    client: TestClient, address: str, document: dict, content: bytes, words: str
):
    reply = client.post(address, content=content)
    assert reply.status_code == 422 and conforms(reply.json(), document, "Answers")
    assert words in reply.json()["error"] and words in reply.json()["answers"][0]["error"]


def test_refusals_are_sentences(client: TestClient, address: str, document: dict, monkeypatch):
    monkeypatch.setattr(images, "MAX_BYTES", 2000)
    many = [("image", (f"{i}.png", b"x")) for i in range(images.MAX_IMAGES + 1)]
    # An iterator is sent without a Content-Length.
    chunks = (b"x" * 500 for _ in range(10))
    headers = {"content-type": "multipart/form-data"}
    bounded = {"content-type": "multipart/form-data; boundary=y"}
    replies = [
        (client.post(address), 400),
        (client.post(address, files={"image": ("", b"")}), 400),
        (client.post(address, data={"a": "b"}, files=[("x", (None, "y"))]), 400),
        (client.post(address, content=b"--x", headers=bounded), 400),
        (client.post(address, content=b"--x", headers=headers), 400),
        (client.post(address, content=b"x" * 3000), 413),
        (client.post(address, content=chunks), 413),
        (client.post(address, content=b"x", params={"top": "0"}), 400),
        (client.post(address, content=b"x", params={"top": "²"}), 400),
        (client.post("/api/runs/nope/predict", content=b"x"), 404),
    ]
    monkeypatch.setattr(images, "MAX_BYTES", 2**20)
    replies.append((client.post(address, files=many), 400))
    for i, (reply, status) in enumerate(replies):
        assert (i, reply.status_code) == (i, status), reply.text
        assert conforms(reply.json(), document, "Error") and reply.json()["error"].endswith(".")


def test_a_run_without_a_model_says_so(finished: Finished, client: TestClient):
    workspace, run = finished
    queued = workspace.store.add_run(run.config, "colours")
    try:
        reply = client.post(f"/api/runs/{queued.id}/predict", content=png((9, 9)))
        assert reply.status_code == 400 and "no model" in reply.json()["error"]
    finally:
        workspace.store.delete_run(queued.id)


def test_without_a_key_nothing_is_revealed(finished: Finished, address: str):
    with TestClient(make_app(finished[0], KEY)) as client:
        for headers in ({}, {"Authorization": f"Bearer {KEY}x"}, {"Authorization": f"Basic {KEY}"}):
            assert client.post(address, content=png((9, 9)), headers=headers).status_code == 403
            assert client.post("/api/runs/nope/predict", headers=headers).status_code == 403
        headers = {"Authorization": f"Bearer {KEY}"}
        assert client.post(address, content=png((9, 9)), headers=headers).status_code == 200
