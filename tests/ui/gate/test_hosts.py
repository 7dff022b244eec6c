"""Foreign names and foreign pages do not reach the app."""

import pytest
from starlette.websockets import WebSocketDisconnect
from ui.gate.standing import HERE, HOST

from tl_core.network import host_names

STREAM = f"ws://{HOST}/_stcore/stream"
EVIL_HOSTS = [
    "evil.example",
    "evil.example:8501",
    "localhost.evil.example",
    "evil-localhost",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost:port",
    "localhost:99999",
    "localhost/evil",
    "192.168.1.5",
    "127.0.0.1.evil.example",
    "",
]
EVIL_ORIGINS = [
    "https://evil.example",
    "http://localhost",
    "http://localhost:8502",
    "http://localhost:8501.evil.example",
    "http://localhost:8501@evil.example",
    "null",
    "",
    "file://",
]


@pytest.fixture(params=["open", "classroom"])
def either(request, make_house):
    return make_house(request.param)


def is_refused_a_socket(client, **headers):
    try:
        with client.websocket_connect(STREAM, headers=headers):
            return False
    except WebSocketDisconnect as closed:
        return closed.code == 1008


def test_a_foreign_name_is_refused_whoever_asks(either):
    client = either.client()
    for host in EVIL_HOSTS:
        answer = client.get("/", headers={"Host": host})
        assert answer.status_code == 403, host
        assert "is not known as" in answer.text
        assert is_refused_a_socket(client, Host=host), host
    assert either.seen == []


def test_a_foreign_page_gets_no_websocket_and_changes_nothing(house):
    client = house.student()
    for origin in EVIL_ORIGINS:
        assert is_refused_a_socket(client, Host=HOST, Origin=origin), origin
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = client.request(method, "/api/uploads/x", headers={"Origin": origin})
            assert answer.status_code == 403, (origin, method)
            assert "page of another site" in answer.json()["error"]
    assert house.seen == []


def test_what_a_browser_says_of_a_foreign_page_is_enough(house):
    client = house.student()
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        assert client.post("/api/uploads/x", headers=headers).status_code == 403
        assert client.get("/run", headers=headers).status_code == 200, "a link leads here"


def test_the_app_and_programs_are_let_in(house):
    client = house.student()
    assert client.post("/api/x", headers={"Origin": HERE}).status_code == 200
    assert client.post("/api/x", headers={"Origin": HERE.upper()}).status_code == 200
    assert client.post("/api/x").status_code == 200
    with client.websocket_connect(STREAM, headers={"Host": HOST, "Origin": HERE}) as socket:
        assert len(socket.receive_json()) == 1


def test_over_tls_a_page_without_it_is_foreign(house):
    client = house.student(base_url=f"https://{HOST}")
    assert client.post("/api/x", headers={"Origin": f"http://{HOST}"}).status_code == 403
    assert client.post("/api/x", headers={"Origin": f"https://{HOST}"}).status_code == 200


def test_where_others_come_the_machines_own_names_and_addresses_are_known(make_house):
    house = make_house("open", listens_on="0.0.0.0", allow_open=True, hosts=("*.example.org",))
    client = house.client()
    for host in [*host_names(), "192.168.1.5:8501", "[fd00::5]:8501", "lab.example.org", HOST]:
        assert client.get("/", headers={"Host": host}).status_code == 200, host
    for host in ["evil.example", "example.org.evil", "evilexample.org", "example.org"]:
        assert client.get("/", headers={"Host": host}).status_code == 403, host


def test_two_hosts_are_none(house):
    client = house.client()
    answer = client.get("/join", headers=[("Host", HOST), ("Host", "evil.example")])
    assert answer.status_code == 403


def test_an_open_app_answers_this_machine_alone_whatever_its_settings_say(make_house):
    house = make_house("open", listens_on="0.0.0.0", hosts=("lab.example.org",))
    answer = house.client().get("/", headers={"Host": "lab.example.org"})
    assert answer.status_code == 403 and "is not known as" in answer.text
    answer = house.client(base_url="http://192.168.1.5:8501").get("/")
    assert answer.status_code == 403 and "open to one person" in answer.text
    assert house.client().get("/").status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_an_open_app_answers_nobody_whom_a_proxy_passes_on(make_house, header):
    house = make_house("open")
    client = house.client()
    answer = client.get("/", headers={header: "192.0.2.7"})
    assert answer.status_code == 403 and "came through a proxy" in answer.text
    assert is_refused_a_socket(client, Host=HOST, **{header: "192.0.2.7"})
    assert house.seen == []
    shared = make_house("open", allow_open=True).client()
    assert shared.get("/", headers={header: "192.0.2.7"}).status_code == 200
