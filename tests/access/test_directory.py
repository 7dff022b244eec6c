"""People join, come back and are removed, and a class ends."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tl_core.access import NO_LIMITS, Directory, PersonLimits
from tl_core.access.directory import LONGEST_NAME
from tl_core.access.secrets import CODE_LETTERS, digest_of_token
from tl_core.errors import NotAdmitted, NotAllowed, UnknownPerson
from tl_core.records import OPERATOR, Role


def test_a_student_joins_with_a_name_and_comes_back_with_a_word(school):
    person, word = school.directory.join("  Zoë\t O'Hara\u202e ")
    assert (person.name, person.role) == ("Zoë O'Hara", Role.MEMBER)
    assert school.directory.person_with_word(word) == person
    said = word.replace("-", " ").upper()
    assert school.directory.person_with_word(f" {said} ") == person
    for wrong in ("", " ", word[:-1], word + "a", "%", "\0\ud800"):
        assert school.directory.person_with_word(wrong) is None
    assert re.fullmatch(r"([a-z]{4}-){3}[a-z]{4}", word)


def test_a_lost_word_is_replaced(school):
    person, lost = school.directory.join("Cleo")
    word = school.directory.renew_word(person.id)
    assert school.directory.person_with_word(word) == person
    assert school.directory.person_with_word(lost) is None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "A name is needed"),
        (" \u200b\n", "A name is needed"),
        ("x" * (LONGEST_NAME + 1), f"has {LONGEST_NAME + 1} characters"),
        ("ANN", "already somebody called 'ANN'"),
    ],
)
def test_a_name_that_cannot_be_told_from_others_is_refused(school, name, sentence):
    with pytest.raises(NotAdmitted, match=sentence):
        school.directory.join(name)
    assert len(school.directory.people()) == 4


def test_only_the_code_of_an_open_class_admits(school):
    code = school.directory.classroom().code
    assert len(code) == 6
    assert set(code) <= set(CODE_LETTERS)
    assert school.directory.admits(f" {code[:3].lower()}-{code[3:]}")
    assert not any(school.directory.admits(wrong) for wrong in ("", code[:5], code + "C", "é"))
    school.directory.set_open(False)
    assert not school.directory.admits(code)
    with pytest.raises(NotAdmitted, match="Joining is closed"):
        school.directory.join("Cleo")
    school.directory.set_open(True)
    other = school.directory.renew_code()
    assert school.directory.admits(other)
    assert not school.directory.admits(code)


def test_a_session_ends_at_its_time_when_ended_or_when_its_person_is_removed(school):
    directory = school.directory
    kept, ended, over = (directory.start_session(school.ann.id, s) for s in (60, 60, -1))
    assert directory.person_of(kept) == directory.person_of(ended) == school.ann
    assert directory.person_of(over) is None
    directory.end_session(ended)
    assert directory.person_of(ended) is None
    assert directory.person_of(kept) == school.ann
    # By another object of the same process, as a page has one.
    Directory(school.of(school.teacher)).remove(school.ann.id)
    assert directory.person_of(kept) is None
    with pytest.raises(UnknownPerson, match="was removed"):
        directory.start_session(school.ann.id, 60)


@pytest.mark.parametrize("forged", ["", "x", "%", "' OR 1=1 --", "\0", "\ud800", "x" * 10**6])
def test_no_other_token_is_a_session(school, forged):
    school.directory.start_session(school.ann.id, 60)
    assert school.directory.person_of(forged) is None


def test_tokens_and_words_are_not_kept_as_they_are(school):
    _, word = school.directory.join("Cleo")
    token = school.directory.start_session(school.ann.id, 60)
    store = school.house.store
    with store.reading() as connection:
        kept = [
            str(row)
            for table in ("people", "sessions", "house_settings")
            for row in connection.execute(sa.text(f"SELECT * FROM {table}"))
        ]
    assert any(digest_of_token(token) in row for row in kept)
    assert not any(secret in row for row in kept for secret in (token, word, word.replace("-", "")))


def test_a_session_of_which_another_process_heard_is_known_there(school):
    token = school.directory.start_session(school.ann.id, 60)
    assert Directory(school.house).person_of(token) == school.ann


def test_a_provider_s_word_on_name_and_role_counts(school):
    first = school.directory.enter("sub|1", "Eve", Role.MEMBER)
    later = school.directory.enter("sub|1", "Eve Smith", Role.LEAD)
    assert (later.id, later.name, later.role) == (first.id, "Eve Smith", Role.LEAD)
    assert school.directory.enter("sub|1", "Eve Smith", Role.LEAD) == later
    school.directory.remove(first.id)
    with pytest.raises(NotAdmitted, match="You were removed"):
        school.directory.enter("sub|1", "Eve Smith", Role.LEAD)


def test_limits_hold_for_all_but_those_who_administer(school):
    directory = school.directory
    assert directory.limits() == PersonLimits()
    directory.set_limits(PersonLimits(waiting_runs=2, images=None))
    assert directory.limits_of(school.ann) == PersonLimits(waiting_runs=2, images=None)
    assert directory.limits_of(school.teacher) == directory.limits_of(OPERATOR) == NO_LIMITS
    assert Directory(school.of(school.ann)).limits() == directory.limits()


def test_a_student_manages_nobody(school):
    mine = Directory(school.of(school.ann))
    for forbidden in (
        mine.people,
        mine.renew_code,
        mine.classroom,
        lambda: mine.set_open(False),
        lambda: mine.remove(school.bob.id),
        lambda: mine.set_limits(NO_LIMITS),
        lambda: mine.enter("sub", "Ann", Role.ADMIN),
        lambda: mine.start_session(school.ann.id, 60),
        lambda: mine.renew_word(school.bob.id),
        mine.reset,
    ):
        with pytest.raises(NotAllowed):
            forbidden()
    assert mine.person(school.ann.id) == school.ann
    with pytest.raises(UnknownPerson):
        mine.person(school.bob.id)
    assert len(school.directory.people()) == 4


def test_of_several_who_join_with_one_name_at_once_one_is_let_in(school):
    def join(_: int) -> bool:
        try:
            return bool(school.directory.join("Cleo"))
        except NotAdmitted:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(join, range(4))) == [False, False, False, True]


def test_nobody_removes_themselves(school):
    with pytest.raises(NotAllowed, match="cannot remove yourself"):
        Directory(school.of(school.teacher)).remove(school.teacher.id)
