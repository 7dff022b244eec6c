"""Hostile names of classes and files in answers over HTTP, and in what is downloaded."""

import io
import json
import re

import pytest
from hostile_names import CLASSES, NAME, NAMES, NOTE, make_hostile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from making_runs import TINY, import_folder, open_home, run_config
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tl_core.runners import InlineRunner
from tl_core.serving import make_app
from tl_ui.routes import make_routes
from tl_ui.tokens import Tokens

PLAIN_HEADER = re.compile(r"[\x20-\x7e]*")


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), (210, 40, 50)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = picture()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    opened = open_home(tmp_path_factory.mktemp("home"))
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def run(workspace, tmp_path_factory):
    dataset = import_folder(workspace, make_hostile(tmp_path_factory.mktemp("given")))
    trained = InlineRunner(workspace).submit(run_config(dataset, TINY, epochs=1))
    return workspace.store.annotate_run(trained.id, title=NAME, note=NOTE)


@pytest.fixture(scope="module")
def client(workspace):
    with TestClient(make_app(workspace, key=None)) as client:
        yield client


def form_of(name: bytes):
    """Encode a form with two files of that name, one of which is no image."""
    head = b'--xyz\r\nContent-Disposition: form-data; name="a"; filename="%s"\r\n\r\n'
    parts = [head % name + content for content in (PICTURE, b"no picture")]
    return b"\r\n".join([*parts, b"--xyz--\r\n"])


def ask(client, run, name: bytes):
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    return client.post(f"/api/runs/{run.id}/predict", content=form_of(name), headers=headers)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.binary(max_size=40))
@example(name=b"\xff\xfe\xed\xa0\x80")
@example(name=b"../../../etc/passwd")
def test_whatever_a_file_is_called_there_is_an_answer_in_json(client, run, name):
    reply = ask(client, run, name)
    assert reply.status_code in (200, 400)
    body = json.loads(reply.content)
    assert body.get("error") or len(body["answers"]) == 2
    assert reply.headers["content-type"] == "application/json"
    assert all(PLAIN_HEADER.fullmatch(value) for value in reply.headers.values())


@pytest.mark.parametrize("name", [each for each in NAMES if each.isprintable()])
def test_classes_and_files_are_called_as_they_are(client, run, name):
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    reply = ask(client, run, escaped.encode())
    first, second = reply.json()["answers"]
    assert {each["class"] for each in first["top"]} == set(CLASSES.values())
    # Of a Windows path only the file's name is read, as old browsers sent whole ones.
    assert first["image"] == second["image"] == name.removeprefix("C:\\")
    assert second["error"]


def test_what_is_downloaded_is_called_by_ids_alone(workspace, run):
    token = Tokens(workspace.settings.home).sign("run", run.id)
    with TestClient(Starlette(routes=make_routes(lambda: workspace))) as app:
        reply = app.get(f"/api/runs/{run.id}/report", params={"token": token})
    assert reply.headers["content-disposition"] == f'attachment; filename="report-{run.id}.html"'
    assert all(PLAIN_HEADER.fullmatch(value) for value in reply.headers.values())
