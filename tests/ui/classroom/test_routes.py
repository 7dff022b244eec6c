"""Route of the zip of everyone's reports: for those who lead alone."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tl_core.access import Directory
from tl_core.records import Role
from tl_ui.classroom.hand_in import FILE, SUBJECT, hand_in_folder
from tl_ui.people import HEADER
from tl_ui.routes import make_routes
from tl_ui.tokens import Tokens


@pytest.fixture
def client(spaces):
    folder = hand_in_folder(spaces.home)
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_bytes(b"reports")
    routes = make_routes(lambda: spaces.workspace)
    with TestClient(Starlette(routes=routes), raise_server_exceptions=False) as client:
        yield client


def ask(client, spaces, signed_for, asker):
    token = Tokens(spaces.home).sign("reports", SUBJECT, signed_for)
    headers = {HEADER: asker} if asker else {}
    return client.get("/api/hand-in", params={"token": token}, headers=headers)


def test_the_teacher_gets_the_reports(spaces, client):
    reply = ask(client, spaces, spaces.teacher.id, spaces.teacher.id)
    assert reply.content == b"reports"


@pytest.mark.parametrize("who", ["student", "removed", "nobody", "invented"])
def test_nobody_else_does_whatever_token_they_show(spaces, client, who):
    ids = {"student": spaces.ben.person.id, "removed": spaces.removed.id, "nobody": ""}
    asker = ids.get(who, "0" * 16)
    for signed_for in (asker, spaces.teacher.id, ""):
        reply = ask(client, spaces, signed_for, asker)
        assert reply.status_code in {401, 403}
        assert b"reports" not in reply.content or "error" in reply.json()


def test_somebody_who_leads_no_more_gets_them_no_more(spaces, client):
    directory = Directory(spaces.workspace)
    person = directory.enter("lea", "Lea", Role.LEAD)
    assert ask(client, spaces, person.id, person.id).is_success
    directory.enter("lea", "Lea", Role.MEMBER)
    assert ask(client, spaces, person.id, person.id).status_code == 403


def test_before_anything_was_packed_that_is_said(spaces, client):
    (hand_in_folder(spaces.home) / FILE).unlink()
    reply = ask(client, spaces, spaces.teacher.id, spaces.teacher.id)
    assert reply.status_code == 404
    assert "Pack the reports again" in reply.json()["error"]
