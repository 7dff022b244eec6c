"""Attacks on `transferlab serve`: one client is refused with a sentence, others are answered."""

import http.client
import io
import json
import os
import re
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest
from PIL import Image
from starlette.testclient import TestClient
from waiting import wait_until

from tl_core.records import Run
from tl_core.serving import asking, images
from tl_core.workspace import Workspace

Finished = tuple[Workspace, Run]
KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def port(finished: Finished) -> Iterator[int]:
    environment = os.environ | {
        "TRANSFERLAB_HOME": str(finished[0].settings.home),
        "TRANSFERLAB_API_KEY": KEY,
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "tl_core", "serve", "--port", "0"]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/", said)):
            said += server.stdout.readline()
            assert server.poll() is None
        yield int(found[1])
        server.terminate()


def png(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", size).save(buffer, "PNG")
    return buffer.getvalue()


def ask(port: int, path: str, source: str = "127.0.0.1") -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, 300, (source, 0))
    connection.request("POST", path, png((9, 9)), {"Authorization": f"Bearer {KEY}"})
    with connection.getresponse() as reply:
        answer = reply.status, json.load(reply)
    connection.close()
    return answer


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second address of this machine")
def test_slow_connections_keep_nobody_else_from_an_answer(port: int, address: str):
    assert ask(port, address)[0] == 200
    start = (
        f"POST {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        "Content-Length: 1000\r\n\r\nx"
    ).encode()
    with ExitStack() as stack:
        slow = []
        for _ in range(12):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.sendall(start)
            slow.append(line)

        def refused() -> list[socket.socket]:
            return select.select(slow, [], [], 0)[0]

        # Four of them are waited for, the others are refused at once.
        wait_until(lambda: len(refused()) == 8, "the refusal of eight")
        assert all(b" 429 " in line.recv(100) for line in refused())
        assert ask(port, address, "127.0.0.2")[0] == 200


def test_a_request_of_many_megapixels_is_refused_before_anything_is_decoded(
    client: TestClient, address: str
):
    form = [("image", (f"{n}.png", png((10_000, 10_000)))) for n in range(50)]
    reply = client.post(address, files=form)
    assert reply.status_code == 413
    assert "5,000,000,000 pixels together; the limit is 400,000,000" in reply.json()["error"]


def test_a_request_that_takes_too_long_is_ended(
    client: TestClient, address: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "_SECONDS", -1.0)
    reply = client.post(address, content=png((9, 9)))
    assert reply.status_code == 503 and "took more than" in reply.json()["error"]


def test_a_line_that_stalls_loses_its_place(
    client: TestClient, address: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(images, "_STALLED_SECONDS", 0.05)
    scope = {
        "type": "http",
        "method": "POST",
        "path": address,
        "query_string": b"",
        "headers": [(b"content-length", b"1000")],
    }
    pieces = [{"type": "http.request", "body": b"x", "more_body": True}]
    answers = []

    async def receive() -> dict:
        if not pieces:
            await anyio.sleep_forever()
        return pieces.pop()

    async def send(message: dict) -> None:
        answers.append(message)

    anyio.run(client.app, scope, receive, send)
    assert answers[0]["status"] == 408 and b"did not arrive" in answers[1]["body"]
