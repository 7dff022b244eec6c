"""Joining a class: by code and name, again by the word, and not at all where it is closed."""

import re

import pytest
from ui.gate.standing import HERE, OURS, PAGE, join, person_seen

EVIL_ADDRESSES = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "/ /evil.example",
    "http:/evil.example",
    "/join?next=/join",
    "///evil.example",
    "/run\r\nSet-Cookie: a=b",
    "/run\x00",
]
WORD = re.compile(r'<p class="word">([^<]+)</p>')


def come_back(client, word, **more):
    return client.post("/join", data={"word": word, **more}, headers=OURS)


def test_a_student_joins_with_the_code_and_is_told_a_word_once(house):
    client = house.client()
    assert "Class code" in client.get("/join").text
    answer = join(house, client, "  Ann   B. ", next="/train?dataset=d1")
    assert "Welcome, Ann B." in answer.text
    assert 'href="/train?dataset=d1"' in answer.text
    (word,) = WORD.findall(answer.text)
    assert word not in client.get("/").text
    (person,) = house.directory.people()
    assert person_seen(client) == [person.id]
    assert client.get("/join?next=/runs", headers=PAGE).headers["location"] == "/runs"


def test_the_word_brings_them_back_in_another_browser(house):
    (word,) = WORD.findall(join(house, house.client()).text)
    other = house.client()
    answer = come_back(other, f" {word.upper()} ", next="/runs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
    assert person_seen(other) == [person.id for person in house.directory.people()]
    assert "Nobody here has this personal word" in come_back(house.client(), "bado-x").text


def test_the_word_works_where_joining_is_closed(house):
    (word,) = WORD.findall(join(house, house.client()).text)
    house.directory.set_open(False)
    page = house.client().get("/join").text
    assert "your teacher has closed it" in page and "Class code" not in page
    answer = join(house, house.client(), "Ben")
    assert answer.status_code == 403 and "closed" in answer.text
    assert come_back(house.client(), word).status_code == 303


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"code": "AAAAAA"}, "That is not the code of this class"),
        ({"code": ""}, "That is not the code of this class"),
        ({"code": "ä" * 50}, "That is not the code of this class"),
        ({"name": ""}, "A name is needed"),
        ({"name": " \u200b "}, "A name is needed"),
        ({"name": "x" * 200}, "200 characters"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_and_what_was_entered_stays(house, form, sentence):
    answer = join(house, house.client(), **{"name": "Ann", **form})
    assert answer.status_code == 403
    assert sentence in answer.text and 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert house.directory.people() == []


def test_a_name_is_data(house):
    client = house.client()
    answer = join(house, client, '<script>alert(1)</script>"&', code="wrong")
    assert "<script" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&amp;" in answer.text
    assert "<script" not in join(house, client, "<script>alert(1)</script>").text
    assert "<script" not in client.get("/leave").text


def test_sending_the_page_twice_joins_once(house):
    client = house.client()
    assert join(house, client).status_code == 200
    assert join(house, client).status_code == 303
    assert len(house.directory.people()) == 1


def test_no_address_leads_out_of_the_app(house):
    client = house.student()
    for address in EVIL_ADDRESSES:
        answer = client.get("/join", params={"next": address})
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), address
    joined = join(house, house.client(), "Ben", next="//evil.example")
    assert 'class="button" href="/"' in joined.text


def test_a_foreign_page_neither_joins_nor_leaves_for_anybody(house):
    form = {"code": house.directory.classroom().code, "name": "Ann"}
    evil = {"Origin": "https://evil.example"}
    assert house.client().post("/join", data=form, headers=evil).status_code == 403
    client = house.student("Ben")
    assert client.post("/leave", headers=evil).status_code == 403
    assert client.get("/leave").status_code == 200
    assert len(person_seen(client)) == 1
    assert [person.name for person in house.directory.people()] == ["Ben"]


def test_a_class_behind_one_address_joins_at_once(house):
    for number in range(30):
        assert join(house, house.client(), f"Student {number}").status_code == 200


def test_guessing_is_slowed_down_by_address(house):
    client = house.client()
    answers = [join(house, client, "Eve", code="AAAAAA").status_code for _ in range(120)]
    assert answers[:100] == [403] * 100
    assert answers[-1] == 429
    assert "too often" in join(house, client, "Eve").text
    assert join(house, house.client(address="192.0.2.9")).status_code == 200


@pytest.mark.parametrize("body", [b"x" * 9000, b"code=%ff%fe&name=\xff", b"&".join([b"a=1"] * 50)])
def test_what_is_no_form_is_refused(house, body):
    headers = {"Origin": HERE, "Content-Type": "application/x-www-form-urlencoded"}
    answer = house.client().post("/join", content=body, headers=headers)
    assert answer.status_code in (400, 403)
    assert 'role="alert"' in answer.text


def test_an_open_app_asks_nobody_to_join(make_house):
    client = make_house("open").client()
    assert client.get("/join", headers=PAGE).headers["location"] == "/"
    assert client.post("/join", data={"name": "x"}, headers=OURS).status_code == 303
    assert client.get("/teacher?secret=x").headers["location"] == "/"
