"""Who asks is what the gate says, and nothing that a request says of itself."""

import pytest
from starlette.websockets import WebSocketDisconnect
from ui.gate.standing import HERE, HOST, PAGE, join, person_seen

from tl_ui.gate import gate
from tl_ui.gate.limits import Rate
from tl_ui.gate.visitors import COOKIE

STREAM = f"ws://{HOST}/_stcore/stream"
SOCKET = {"Host": HOST, "Origin": HERE}
FORGED = {
    "X-TransferLab-Person": "somebody",
    "x-transferlab-role": "admin",
    "X-TRANSFERLAB-ANYTHING": "1",
}


def the_only(people):
    (person,) = people
    return person


def test_nobody_is_sent_to_join_and_back_again(house):
    client = house.client()
    answer = client.get("/run?run=ab12&x=%26", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/join?next=/run%3Frun%3Dab12%26x%3D%2526",
    )
    assert client.get("/", headers=PAGE).headers["location"] == "/join"
    assert client.get("/api/runs/x/report").status_code == 401
    assert client.post("/_stcore/upload_file/x").status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM, headers=SOCKET):
        pass
    assert house.seen == []


def test_what_everyone_may_ask_is_little(house):
    client = house.client()
    assert client.get("/api/health").status_code == 200
    assert client.get("/_stcore/health").status_code == 200
    assert client.get("/healthz").status_code == 200, "a container is asked without a session"
    for path in ("/_stcore/host-config", "/_stcore/metrics", "/static/x.js", "/media/x", "/join/x"):
        assert client.get(path).status_code == 401, path
    for path in ("/auth/login", "/oauth2callback", "/auth/logout"):
        assert client.get(path).status_code == 401, "nobody signs in that way here"


def test_a_key_reaches_the_route_for_predictions_and_no_other(house):
    client = house.client()
    key = {"Authorization": "Bearer abc"}
    assert client.post("/api/runs/ab12/predict", headers=key).json() == {"person": []}
    assert client.post("/api/runs/ab12/predict").status_code == 401
    assert client.get("/api/runs/ab12/report", headers=key).status_code == 401


@pytest.mark.parametrize("access", ["open", "classroom"])
def test_a_header_from_outside_is_dropped(make_house, access):
    house = make_house(access)
    client = house.client() if access == "open" else house.student()
    known = [] if access == "open" else [person.id for person in house.directory.people()]
    assert client.get("/run", headers=FORGED).json()["person"] == known
    with client.websocket_connect(STREAM, headers=SOCKET | FORGED) as socket:
        assert socket.receive_json() == known
    names = {name for request in house.seen for name in request.headers}
    assert {name for name in names if name.startswith("x-transferlab-")} <= {"x-transferlab-person"}


def test_each_browser_is_its_own_person(house):
    ann = the_only(person_seen(house.student("Ann")))
    ben = the_only(person_seen(house.student("Ben")))
    assert {person.id: person.name for person in house.directory.people()} == {
        ann: "Ann",
        ben: "Ben",
    }


def test_the_cookie_is_out_of_reach_and_kept_only_as_a_digest(house, tmp_path):
    client = house.client()
    cookie = join(house, client).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    assert "Secure" not in cookie
    secret = client.cookies[COOKIE].encode()
    stored = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert stored and not any(secret in content for content in stored)
    over_tls = join(house, house.client(base_url=f"https://{HOST}"), "Ben")
    assert "Secure" in over_tls.headers["set-cookie"]


def test_a_removed_student_is_nobody_even_with_a_cookie_that_was_copied(house):
    client = house.student()
    cookie = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    house.directory.remove(the_only(person_seen(client)))
    other = house.client()
    for browser in (client, other):
        assert browser.get("/run", headers=cookie).status_code == 401
    with (
        pytest.raises(WebSocketDisconnect),
        other.websocket_connect(STREAM, headers=SOCKET | cookie),
    ):
        pass


def test_whoever_leaves_takes_the_session_along(house):
    client = house.student()
    copied = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    assert "Ann" in client.get("/leave").text
    answer = client.post("/leave", headers={"Origin": HERE})
    assert (answer.status_code, answer.headers["location"]) == (303, "/join")
    assert COOKIE not in client.cookies
    assert house.client().get("/run", headers=copied).status_code == 401


def test_a_session_that_was_put_there_is_not_taken_over(house):
    planted = "a" * 43
    client = house.client()
    client.cookies.set(COOKIE, planted)
    assert client.get("/run").status_code == 401
    join(house, client)
    given = client.cookies.get(COOKIE, domain="localhost.local")
    assert given and given != planted
    assert house.client().get("/run", headers={"Cookie": f"{COOKIE}={planted}"}).status_code == 401


def test_joining_anew_ends_the_former_session(house):
    client = house.student("Ann")
    former = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    join(house, client, "Ben")
    assert house.client().get("/run", headers=former).status_code == 401
    assert [person.name for person in house.directory.people()] == ["Ann", "Ben"]


def test_too_many_requests_are_refused_by_person(house, monkeypatch):
    monkeypatch.setitem(gate._LIMITS, "api", Rate(at_once=5, per_second=0.01))
    ann = house.student("Ann")
    assert [ann.get("/api/x").status_code for _ in range(6)] == [200] * 5 + [429]
    late = ann.get("/api/x")
    assert 90 < int(late.headers["retry-after"]) <= 100
    assert late.json()["error"].startswith("That was too often. Try again in ")
    assert ann.get("/run").status_code == 200
