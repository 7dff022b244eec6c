"""Open websockets end when their person is let in no more."""

import pytest
from starlette.websockets import WebSocketDisconnect
from ui.gate.standing import HERE, HOST

from tl_ui.gate import sockets

STREAM = f"ws://{HOST}/_stcore/stream"
HEADERS = {"Host": HOST, "Origin": HERE}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(sockets, "CHECK_SECONDS", 0.01)


def listen(client, after):
    """Open a websocket, do something, and return the code with which it is closed then."""
    with client.websocket_connect(STREAM, headers=HEADERS) as socket:
        socket.receive_json()
        socket.send_text("still here")
        assert socket.receive_text() == "still here"
        after()
        with pytest.raises(WebSocketDisconnect) as closed:
            while True:
                socket.receive_text()
    return closed.value.code


def test_a_removed_students_page_is_cut_off(house):
    with house.student() as client:
        (person,) = house.directory.people()
        assert listen(client, lambda: house.directory.remove(person.id)) == 1008


def test_so_is_the_page_of_one_who_signs_out_in_another_tab(house):
    with house.student() as client:
        assert listen(client, lambda: client.post("/leave", headers={"Origin": HERE})) == 1008


def test_others_stay(house):
    with house.student("Ann") as ann, house.client() as plain:
        ben = house.student("Ben")
        plain.cookies = ben.cookies
        (first, _) = house.directory.people()
        with plain.websocket_connect(STREAM, headers=HEADERS) as stays:
            stays.receive_json()
            assert listen(ann, lambda: house.directory.remove(first.id)) == 1008
            stays.send_text("still here")
            assert stays.receive_text() == "still here"


def test_nobody_has_more_pages_open_than_one_can_look_at(house):
    with house.student() as client:
        opened = []
        with pytest.raises(WebSocketDisconnect):
            for _ in range(41):
                socket = client.websocket_connect(STREAM, headers=HEADERS)
                opened.append(socket.__enter__())
        assert len(opened) == 40
        for socket in opened:
            socket.__exit__(None, None, None)
