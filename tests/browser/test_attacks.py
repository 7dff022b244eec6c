"""Attacks over HTTP on the real server: it refuses with a sentence and serves everybody else."""

import http.client
import json
import urllib.error
import urllib.request

import psutil
import pytest
from browsing import ROOT, Server
from waiting import wait_until

from tl_ui.data.upload_bounds import MOST_OPEN
from tl_ui.tokens import Tokens


@pytest.fixture(scope="module")
def process(server):
    return psutil.Process(server.process.pid)


@pytest.fixture(scope="module")
def server(home):
    server = Server(ROOT / "app.py", home, is_forked=False)
    yield server
    server.stop()


def batch(content):
    header = json.dumps([{"name": "a.png", "size": len(content)}]).encode()
    return len(header).to_bytes(4, "big") + header + content


def ask(server, method, path, body=b""):
    request = urllib.request.Request(server.url + path, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_614_uploads_of_a_byte_leave_the_server_well(server, process, home):
    tokens = Tokens(home)
    addresses = [f"/api/uploads/{tokens.sign('upload', f'u{n}')}" for n in range(614)]
    ask(server, "POST", f"{addresses[0]}/batch/0", batch(b"1"))
    descriptors, threads = process.num_fds(), process.num_threads()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    statuses = []
    for address in addresses:
        connection.request("POST", f"{address}/batch/0", batch(b"1"))
        with connection.getresponse() as reply:
            statuses.append((reply.status, json.load(reply).get("error", "")))
    connection.close()
    assert [status for status, _ in statuses].count(200) == MOST_OPEN
    assert {status for status, _ in statuses} == {200, 503}
    assert all("uploads are open on this server" in words for status, words in statuses[MOST_OPEN:])
    # Threads of a pool come and go with requests, but none stays for an upload.
    assert process.num_fds() <= descriptors + 10
    assert process.num_threads() <= threads + 45
    for address in addresses[:MOST_OPEN]:
        ask(server, "DELETE", address)
    assert ask(server, "POST", f"{addresses[-1]}/batch/0", batch(b"1")) == (200, {"stored": True})
    assert ask(server, "GET", "/api/health")[0] == 200


def test_finish_with_a_million_batches_is_refused(server, home):
    address = f"/api/uploads/{Tokens(home).sign('upload', 'million')}"
    said = json.dumps({"batches": 10**6, "files": 10**6, "bytes": 1}).encode()
    status, answer = ask(server, "POST", f"{address}/finish", said)
    assert status == 413 and "the limit of one upload" in answer["error"]


def test_a_client_that_breaks_off_leaves_no_descriptor(server, process, home):
    address = f"/api/uploads/{Tokens(home).sign('upload', 'broken')}"
    sent = batch(b"x" * 1000)
    before = process.num_fds()
    for n in range(30):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.putrequest("POST", f"{address}/batch/{n}")
        connection.putheader("Content-Length", str(len(sent)))
        connection.endheaders(sent[:-1])
        connection.close()
    wait_until(lambda: process.num_fds() <= before + 5, "the end of the connections")
    assert ask(server, "POST", f"{address}/batch/0", sent) == (200, {"stored": True})
