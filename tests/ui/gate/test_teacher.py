"""The teacher's sign-in by an address with a secret."""

import os
import stat

import pytest
from ui.gate.standing import HERE, OURS, person_seen

from tl_core.invitation import teacher_address, teacher_secret
from tl_core.records import Role


def test_the_address_signs_in_and_leaves_no_secret_in_it(house):
    client = house.client()
    secret = teacher_secret(house.settings.home)
    answer = client.get(teacher_address("", secret))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["cache-control"] == "no-store"
    (teacher,) = house.directory.people()
    assert teacher.role is Role.ADMIN
    assert person_seen(client) == [teacher.id]


def test_the_form_takes_the_secret_too_and_the_teacher_stays_one_person(house):
    secret = teacher_secret(house.settings.home)
    for _ in range(2):
        client = house.client()
        assert "secret" in client.get("/teacher").text
        assert client.post("/teacher", data={"secret": secret}, headers=OURS).status_code == 303
        assert len(person_seen(client)) == 1
    assert len(house.directory.people()) == 1


@pytest.mark.parametrize("secret", ["", "guess", "ä", "a" * 5000])
def test_a_wrong_secret_lets_nobody_in(house, secret):
    client = house.client()
    answer = client.get("/teacher", params={"secret": secret})
    assert answer.status_code == 403 and "not the teacher" in answer.text
    assert house.directory.people() == []


def test_guessing_is_slowed_down(house):
    client = house.client()
    answers = [client.get("/teacher?secret=guess").status_code for _ in range(30)]
    assert answers == [403] * 20 + [429] * 10


def test_a_foreign_page_signs_nobody_in(house):
    secret = teacher_secret(house.settings.home)
    evil = {"Origin": "https://evil.example"}
    answer = house.client().post("/teacher", data={"secret": secret}, headers=evil)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_the_secret_is_kept_for_the_owner_alone(house):
    teacher_secret(house.settings.home)
    file = house.settings.home / "teacher.secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert HERE not in teacher_address("", teacher_secret(house.settings.home))
