"""People of an organisation: by the header of a trusted proxy, with roles by group."""

from ipaddress import ip_network

import pytest
from ui.gate.standing import PAGE

from tl_core.errors import NotAdmitted
from tl_core.records import Role
from tl_ui.gate.organisation import Claims, admit, claims_of, role_of

PROXY = "10.0.0.1"
HEADERS = {
    "X-Forwarded-User": "ann",
    "X-Name": "Ann B.",
    "X-Groups": "staff, heads",
}


@pytest.fixture
def behind_proxy(make_house):
    return make_house(
        "organisation",
        proxies=(ip_network("10.0.0.0/24"),),
        user_header="x-forwarded-user",
        name_header="x-name",
        groups_header="x-groups",
        roles=(("staff", "lead"), ("heads", "admin")),
    )


def test_a_trusted_proxy_names_the_person(behind_proxy):
    client = behind_proxy.client(address=PROXY)
    seen = client.get("/run", headers=HEADERS).json()["person"]
    (person,) = behind_proxy.directory.people()
    assert seen == [person.id]
    assert (person.name, person.role) == ("Ann B.", Role.ADMIN)


def test_the_same_header_from_anybody_else_is_nothing(behind_proxy):
    for address in ("10.0.1.1", "127.0.0.1", "192.0.2.1"):
        client = behind_proxy.client(address=address)
        forwarded = {**HEADERS, "X-Forwarded-For": PROXY}
        assert client.get("/run", headers=forwarded).status_code == 401
    assert behind_proxy.directory.people() == []
    assert behind_proxy.seen == []


def test_without_the_header_nobody_comes_by_way_of_the_proxy(behind_proxy):
    client = behind_proxy.client(address=PROXY)
    answer = client.get("/", headers=PAGE)
    assert answer.headers["location"] == "/join"
    assert "sign-in" in client.get("/join").text
    assert client.post("/join", data={"code": "x", "name": "y"}).status_code == 303


def test_whoever_comes_by_a_proxy_signs_out_there(behind_proxy):
    client = behind_proxy.client(address=PROXY)
    text = client.get("/leave", headers=HEADERS).text
    assert "signed you in as <strong>Ann B.</strong>: sign out there" in text
    assert "<form" not in text


def test_a_person_keeps_their_space_when_name_and_groups_change(behind_proxy):
    client = behind_proxy.client(address=PROXY)
    first = client.get("/run", headers=HEADERS).json()["person"]
    changed = {**HEADERS, "X-Name": "Ann C.", "X-Groups": "guests"}
    assert client.get("/run", headers=changed).json()["person"] == first
    (person,) = behind_proxy.directory.people()
    assert (person.name, person.role) == ("Ann C.", Role.MEMBER)


def test_a_removed_person_is_nobody_whatever_the_proxy_says(behind_proxy):
    client = behind_proxy.client(address=PROXY)
    client.get("/run", headers=HEADERS)
    (person,) = behind_proxy.directory.people()
    behind_proxy.directory.remove(person.id)
    # Their word is remembered for a second; other words are not.
    again = {**HEADERS, "X-Name": "Ann"}
    assert client.get("/run", headers=again).status_code == 401


def test_the_visitors_own_address_and_protocol_come_from_the_proxy(behind_proxy):
    client = behind_proxy.client(address=PROXY)
    forwarded = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    client.get("/run", headers=HEADERS | forwarded)
    (request,) = behind_proxy.seen
    assert (request.client.host, request.url.scheme) == ("192.0.2.7", "https")


@pytest.mark.parametrize(
    ("groups", "roles", "role"),
    [
        ([], {}, Role.MEMBER),
        (["staff"], {}, Role.MEMBER),
        (["staff", "heads"], {"heads": "admin", "staff": "lead"}, Role.ADMIN),
        (["staff"], {"heads": "admin", "staff": "lead"}, Role.LEAD),
        ([], {"heads": "admin"}, Role.MEMBER),
        ([], {"heads": "admin", "lab": "member"}, None),
        (["lab"], {"heads": "admin", "lab": "member"}, Role.MEMBER),
    ],
)
def test_the_highest_role_of_all_groups_counts(groups, roles, role):
    assert role_of(groups, roles) is role


def test_whoever_has_no_role_is_told(house):
    with pytest.raises(NotAdmitted, match="none of your groups has a role"):
        admit(house.directory, Claims("oidc x y", "Ann", ()), {"lab": "member"})


def test_claims_are_read_wherever_a_provider_puts_them():
    claims = {"iss": "https://id.example", "sub": "7", "email": "ann@example.org"}
    flat = claims_of({**claims, "groups": ["a", 7, "b"]}, "groups")
    assert flat == Claims("oidc https://id.example 7", "ann@example.org", ("a", "b"))
    nested = claims_of({**claims, "realm_access": {"roles": ["a"]}}, "realm_access.roles")
    assert nested.groups == ("a",)
    assert claims_of({**claims, "groups": "a", "name": "Ann"}, "groups").groups == ("a",)
    assert claims_of(claims, "groups").groups == ()
    assert claims_of({"iss": "x"}, "groups") is None
    assert claims_of({**claims, "sub": {"a": 1}}, "groups") is None
    other = claims_of({**claims, "iss": "https://other.example"}, "groups")
    assert other.subject != flat.subject
