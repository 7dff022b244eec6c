"""Routes that run a model: each demands a token for exactly that run."""

import io

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tl_ui.routes import make_routes
from tl_ui.tokens import Tokens


@pytest.fixture(scope="module")
def client(finished):
    with TestClient(
        Starlette(routes=make_routes(lambda: finished[0])), raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture(scope="module")
def tokens(finished):
    return Tokens(finished[0].settings.home)


@pytest.fixture(scope="module")
def sha256(finished):
    workspace, run = finished
    return workspace.store.list_images(run.config.data.dataset_id)[0].sha256


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_a_page_s_key_asks_its_own_model(finished, client, tokens, picture):
    run = finished[1]
    reply = client.post(
        f"/api/runs/{run.id}/predict",
        content=picture,
        headers=bearer(tokens.sign("predict", run.id)),
    )
    assert reply.status_code == 200 and len(reply.json()["answers"][0]["top"]) == 3


@pytest.fixture(scope="module")
def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(buffer, "PNG")
    return buffer.getvalue()


def test_other_keys_ask_nothing(finished, client, tokens, picture):
    run = finished[1]
    for key in ("", "x", tokens.sign("run", run.id), tokens.sign("predict", "other")):
        reply = client.post(f"/api/runs/{run.id}/predict", content=picture, headers=bearer(key))
        assert reply.status_code == 403 and reply.json()["error"].endswith(".")


def heat_url(run, sha256, tokens, **other):
    asked = {"label": 0, "method": "grad-cam", "token": tokens.sign("run", run.id), **other}
    return f"/api/runs/{run.id}/heat/{sha256}?" + "&".join(
        f"{key}={value}" for key, value in asked.items()
    )


@pytest.mark.parametrize("label", [0, 2])
def test_a_heat_map_of_any_class_is_a_picture_of_the_whole_image(
    finished, client, tokens, sha256, label
):
    reply = client.get(heat_url(finished[1], sha256, tokens, label=label))
    assert reply.status_code == 200 and reply.headers["content-type"] == "image/webp"
    assert reply.headers["X-Where"]
    drawn = Image.open(io.BytesIO(reply.content))
    assert drawn.width / drawn.height == pytest.approx(48 / 40)


def test_a_heat_map_that_cannot_be_is_a_sentence(finished, client, tokens, sha256):
    run = finished[1]
    asked = [
        (heat_url(run, sha256, tokens, token="x"), 403),
        (heat_url(run, sha256, tokens, token=tokens.sign("run", "other")), 403),
        (heat_url(run, sha256, tokens, method="tea-leaves"), 404),
        (heat_url(run, sha256, tokens, label="-1"), 404),
        (heat_url(run, sha256, tokens, label="3"), 404),
        (heat_url(run, "0" * 64, tokens), 404),
        (heat_url(run, "..", tokens), 404),
    ]
    for url, status in asked:
        reply = client.get(url)
        assert reply.status_code == status, (url, reply.text)
    assert "deleted" in client.get(asked[-2][0]).json()["error"]
