"""Pages that a class shares: the teacher's page, the wall, publishing and sharing."""

import re

import pytest
from opening_pages import everything, open_as

from tl_core.access import Directory, PersonLimits
from tl_core.records import Role


def words(app):
    return " ".join(
        element.value for kind in ("title", "header", "markdown") for element in app.get(kind)
    )


def test_a_student_is_told_that_the_page_is_for_those_who_lead(house, monkeypatch):
    app = open_as(monkeypatch, house.ben.person.id, "classroom")
    assert "for those who lead" in words(app)
    assert not app.button


def test_the_teacher_sees_code_people_queue_limits_and_what_ends_the_lesson(house, monkeypatch):
    app = open_as(monkeypatch, house.teacher.id, "classroom")
    shown = everything(app)
    assert Directory(house.workspace).classroom().code in shown
    assert house.anna.person.name in shown
    labels = [button.label for button in app.button]
    for label in ("Close joining", "New code", "Save limits", "Reset for the next class…"):
        assert label in labels
    assert any(re.match("Pack [0-9]+ reports", label) for label in labels)


def test_a_lead_sees_people_and_queue_and_changes_no_settings(house, monkeypatch):
    person = Directory(house.workspace).enter("lead", "Lea", Role.LEAD)
    app = open_as(monkeypatch, person.id, "classroom")
    labels = [button.label for button in app.button]
    assert house.anna.person.name in everything(app)
    assert not {"Close joining", "Save limits", "Reset for the next class…"} & set(labels)


def test_joining_is_closed_and_the_code_renewed(house, monkeypatch):
    directory = Directory(house.workspace)
    before = directory.classroom()
    app = open_as(monkeypatch, house.teacher.id, "classroom")
    button(app, "Close joining").click().run()
    assert not directory.classroom().is_open
    button(app, "Open joining").click().run()
    assert directory.classroom().is_open
    button(app, "New code").click().run()
    assert directory.classroom().code != before.code


def test_limits_are_saved_and_an_empty_field_means_none(house, monkeypatch):
    Directory(house.workspace).set_limits(PersonLimits(images=None))
    app = open_as(monkeypatch, house.teacher.id, "classroom")
    app.number_input(key="limit-waiting_runs").set_value(3)
    app.number_input(key="limit-disk_bytes").set_value(2)
    button(app, "Save limits").click().run()
    limits = Directory(house.workspace).limits()
    assert (limits.waiting_runs, limits.images, limits.disk_bytes) == (3, None, 2 * 10**9)


@pytest.fixture
def published(house):
    store = house.ben.workspace.store
    yield store.publish_run(house.ben.run.id)
    store.withdraw_run(house.ben.run.id)


def test_a_published_run_is_on_the_wall_of_everyone(house, monkeypatch, published):
    for person in (house.anna.person, house.teacher):
        app = open_as(monkeypatch, person.id, "wall")
        assert "mine title" in everything(app)
        assert not app.get("html") or "<img" not in str(app.get("html")[0].proto)


def test_images_are_on_the_wall_only_where_their_owner_agreed(house, monkeypatch):
    store = house.ben.workspace.store
    store.publish_run(house.ben.run.id, shows_images=True)
    try:
        assert "/samples/" in everything(open_as(monkeypatch, house.anna.person.id, "wall"))
        store.publish_run(house.ben.run.id)
        assert "/samples/" not in everything(open_as(monkeypatch, house.anna.person.id, "wall"))
    finally:
        store.withdraw_run(house.ben.run.id)


def test_the_owner_publishes_a_run_and_takes_it_down(house, monkeypatch):
    app = open_as(monkeypatch, house.ben.person.id, "run", run=house.ben.run.id)
    button(app, "Publish").click().run()
    assert house.workspace.store.get_run(house.ben.run.id).published_at
    button(app, "Take it down").click().run()
    assert not house.workspace.store.get_run(house.ben.run.id).published_at


def test_nobody_publishes_the_run_of_another(house, monkeypatch):
    app = open_as(monkeypatch, house.teacher.id, "run", run=house.ben.run.id)
    assert "Publish" not in [each.label for each in app.button]


def test_a_shared_dataset_can_be_copied_by_a_student(house, monkeypatch):
    store = house.workspace.store
    shared = store.share_dataset(house.anna.dataset.id)
    try:
        app = open_as(monkeypatch, house.ben.person.id, "data", dataset=shared.id)
        button(app, "Copy into my own").click().run()
        own = [d for d in house.ben.workspace.store.list_datasets() if d.is_copy]
        assert [each.owner for each in own] == [house.ben.person.id]
    finally:
        store.share_dataset(house.anna.dataset.id, False)


def test_only_those_who_lead_share(house, monkeypatch):
    app = open_as(monkeypatch, house.ben.person.id, "data", dataset=house.ben.dataset.id)
    assert not app.toggle


def button(app, label):
    return next(each for each in app.button if each.label == label)
