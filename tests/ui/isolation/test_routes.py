"""Every route as its owner, as another student with her tokens, as a removed one and as nobody."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from two_spaces import CANARY, COMPARISON

from tl_ui import routes as package
from tl_ui.people import HEADER
from tl_ui.routes import make_routes, shared
from tl_ui.tokens import Tokens

PUBLIC = {"/api/health", "/api/plotly.js", "/api/openapi.json", "/data"}
"""Routes that tell everyone the same."""
RUN = "/api/runs/{run_id}"
DATASET = "/api/datasets/{dataset_id}"
UPLOAD = "/api/uploads/{token}"
WALKED = {
    f"{RUN}/charts/{{kind}}": "run",
    f"{RUN}/report": "run",
    f"{RUN}/heat/{{sha256}}": "run",
    f"{RUN}/samples/{{sha256}}": "run",
    f"{RUN}/export-{{formats}}.zip": "export",
    f"{RUN}/predict": "predict",
    f"{DATASET}/thumbnails/{{sha256}}": "dataset",
    f"{DATASET}/images/{{sha256}}": "dataset",
    "/api/comparisons/{comparison_id}/charts/{kind}": "comparison",
    f"{UPLOAD}/batch/{{number}}": "upload",
    f"{UPLOAD}/finish": "upload",
    UPLOAD: "upload",
}
"""Every other route, with the purpose of its tokens."""
REFUSALS = {401, 403, 404}
FOR_LEADS = {"/api/hand-in": "reports"}
"""Routes of those who lead, walked in `tests/ui/classroom`."""


@pytest.fixture(scope="module")
def routes(spaces):
    return make_routes(lambda: spaces.workspace)


@pytest.fixture(scope="module")
def client(routes):
    with TestClient(Starlette(routes=routes), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def tokens(spaces):
    return Tokens(spaces.home)


def paths_of(router):
    """Yield the path of every route, also of routers in routers."""
    for route in router.routes:
        if isinstance(route, APIRoute | Route):
            yield route.path
        else:
            yield from paths_of(route.original_router)


def subject_of(purpose, space):
    return {
        "run": space.run.id,
        "export": space.run.id,
        "predict": space.run.id,
        "dataset": space.dataset.id,
        "comparison": f"{COMPARISON}{CANARY}",
        "upload": "a" * 32,
    }[purpose]


def ask(client, path, space, token, person_id):
    """Ask a route for what a space has, with a token, as the person whom the gate has named."""
    purpose = WALKED[path]
    values = {
        "run_id": space.run.id,
        "dataset_id": space.dataset.id,
        "comparison_id": f"{COMPARISON}{CANARY}",
        "kind": "loss",
        "sha256": space.sha256,
        "formats": "onnx",
        "number": "0",
        "token": token,
    }
    headers = {HEADER: person_id} if person_id else {}
    address = path.format(**values)
    if purpose == "predict":
        headers["Authorization"] = f"Bearer {token}"
        return client.post(address, content=picture(), headers=headers)
    if purpose != "upload":
        query = {"token": token, "label": "0", "method": "grad-cam"}
        return client.get(address, params=query, headers=headers)
    if path == UPLOAD:
        return client.delete(address, headers=headers)
    if path.endswith("/finish"):
        nothing = {"batches": 0, "files": 0, "bytes": 0}
        return client.post(address, json=nothing, headers=headers)
    header = b'[{"name": "a/1.png", "size": 1}]'
    body = len(header).to_bytes(4, "big") + header + b"x"
    return client.post(address, content=body, headers=headers)


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(buffer, "PNG")
    return buffer.getvalue()


def test_every_route_is_walked_or_tells_everyone_the_same(routes):
    (mounted, *others) = routes
    assert mounted.path == "/api/{path:path}"
    paths = [*paths_of(mounted.endpoint), *(route.path for route in others)]
    assert set(paths) == PUBLIC | set(WALKED) | set(FOR_LEADS)


def test_every_purpose_of_a_token_is_walked():
    """A page that signs for something new adds a route, and with it a line above."""
    folder = Path(package.__file__).parents[1]
    source = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    signed = set(re.findall(r"""\.sign\(\s*["']([a-z]+)["']""", source))
    assert signed == {*WALKED.values(), *FOR_LEADS.values()}


@pytest.mark.parametrize("path", WALKED)
def test_the_owner_is_answered(spaces, client, tokens, path):
    purpose = WALKED[path]
    owner = spaces.anna.person.id
    if path.endswith("samples/{sha256}"):
        (first, *_) = spaces.anna.workspace.store.list_sample_images(spaces.anna.run.id)
        assert client.get(
            f"/api/runs/{spaces.anna.run.id}/samples/{first.sha256}",
            params={"token": tokens.sign("run", spaces.anna.run.id, owner)},
            headers={HEADER: owner},
        ).is_success
        return
    token = tokens.sign(purpose, subject_of(purpose, spaces.anna), owner)
    reply = ask(client, path, spaces.anna, token, "" if purpose == "predict" else owner)
    # An upload that is empty cannot be finished, but that is said to its owner.
    assert reply.is_success or (purpose == "upload" and reply.status_code == 400), reply.text


@pytest.mark.parametrize("path", WALKED)
def test_nobody_else_is_answered_whatever_token_they_show(spaces, client, tokens, path):
    purpose = WALKED[path]
    subject = subject_of(purpose, spaces.anna)
    anna = spaces.anna.person.id
    others = [spaces.ben.person.id, spaces.removed.id, "", "0" * 16]
    purposes = set(WALKED.values())
    for other in others:
        shown = [
            # Her own tokens, of this purpose and of every other, and none.
            *(tokens.sign(each, subject_of(each, spaces.anna), anna) for each in purposes),
            "",
            # What a page that forgot to ask might sign for what is hers, and the operator's.
            *(tokens.sign(each, subject, person) for each in purposes for person in (other, "")),
        ]
        for token in shown:
            # A program shows its key alone; hers is hers to give away.
            if purpose == "predict" and token == tokens.sign(purpose, subject, anna):
                continue
            reply = ask(client, path, spaces.anna, token, other)
            if purpose == "upload" and token == tokens.sign(purpose, subject, other):
                # An upload of one's own, even under an id that somebody else has.
                continue
            assert reply.status_code in REFUSALS, (other, token, reply.text)
            assert CANARY not in reply.text and "error" in reply.json()


@pytest.mark.parametrize("path", [path for path in WALKED if WALKED[path] != "upload"])
def test_the_walk_finds_a_route_that_takes_everyone_for_the_owner(
    spaces, client, tokens, monkeypatch, path
):
    anna = spaces.anna.person
    monkeypatch.setattr(shared, "find_person", lambda store, person_id: anna)
    token = tokens.sign(WALKED[path], subject_of(WALKED[path], spaces.anna), anna.id)
    space = spaces.anna
    if path.endswith("samples/{sha256}"):
        (first, *_) = space.workspace.store.list_sample_images(space.run.id)
        space = replace(space, sha256=first.sha256)
    assert ask(client, path, space, token, spaces.ben.person.id).is_success


def test_an_upload_is_its_owners_whatever_id_others_name(spaces, client, tokens):
    def address(person):
        return f"/api/uploads/{tokens.sign('upload', 'b' * 32, person.id)}"

    anna, ben = spaces.anna.person, spaces.ben.person
    header = b'[{"name": "a/1.png", "size": 1}]'
    body = len(header).to_bytes(4, "big") + header + b"x"
    sent = {"batches": 1, "files": 1, "bytes": 1}
    hers = {HEADER: anna.id}
    his = {HEADER: ben.id}
    assert client.post(f"{address(anna)}/batch/0", content=body, headers=hers).is_success
    assert client.delete(address(ben), headers=his).is_success
    assert not client.post(f"{address(ben)}/finish", json=sent, headers=his).is_success
    assert client.post(f"{address(anna)}/finish", json=sent, headers=hers).is_success


def test_what_is_shown_to_all_is_readable_and_no_more(spaces, client, tokens):
    """A published run shows its curves, and sample images only if its owner agrees."""
    run_id = spaces.anna.run.id
    store = spaces.anna.workspace.store
    (sample, *_) = store.list_sample_images(run_id)
    token = tokens.sign("run", run_id, spaces.ben.person.id)

    def answered(part, purpose="run"):
        shown = {"token": token if purpose == "run" else tokens.sign(purpose, run_id, "ben")}
        asked = {**shown, "label": "0", "method": "grad-cam"}
        path = f"/api/runs/{run_id}/{part}"
        return client.get(path, params=asked, headers={HEADER: spaces.ben.person.id}).is_success

    store.publish_run(run_id)
    try:
        assert answered("charts/loss") and answered("charts/confusion-test")
        assert not answered(f"samples/{sample.sha256}")
        store.publish_run(run_id, shows_images=True)
        assert answered(f"samples/{sample.sha256}")
        hidden = {image.sha256 for image in store.list_images(spaces.anna.dataset.id)}
        hidden -= {image.sha256 for image in store.list_sample_images(run_id)}
        assert not any(answered(f"samples/{sha256}") for sha256 in hidden)
        assert not answered("report") and not answered(f"heat/{sample.sha256}")
        assert not answered("export-onnx.zip", "export")
    finally:
        store.withdraw_run(run_id)
    assert not answered("charts/loss") and not answered(f"samples/{sample.sha256}")
