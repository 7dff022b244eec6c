"""Pages that a class shares: the teacher's page, the wall, publishing and sharing."""

import re
from pathlib import Path

import pytest
from opening_pages import everything, open_as

from tl_core.access import Directory, PersonLimits
from tl_core.records import Role
from tl_core.runs.summary import headline
from tl_ui import people
from tl_ui.background import Job
from tl_ui.job_view import may_stop
from tl_ui.markdown import whole_figures


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


def test_the_teacher_gets_from_a_person_to_their_runs(house, monkeypatch):
    app = open_as(monkeypatch, house.teacher.id, "classroom")
    queries = [link.proto.query_string for link in app.get("page_link")]
    for space in (house.anna, house.ben):
        assert any(f"of={space.person.id}" in query for query in queries)


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


def test_a_published_run_shows_what_its_owner_agreed_to_and_changes_nothing(
    house, monkeypatch, published
):
    app = open_as(monkeypatch, house.anna.person.id, "run", run=published.id)
    shown = everything(app)
    assert [title.value for title in app.title] == ["mine title"]
    assert "published by **Ben**" in shown
    assert whole_figures(headline(published.result)) in [header.value for header in app.header]
    for kept in ("mine note", "mine tag", "/samples/", house.ben.sha256):
        assert kept not in shown
    # Where a click on a class opens nothing, none is asked for.
    assert "The weakest classes come first" in shown and "Click a class" not in shown
    labels = {each.label for each in app.button}
    assert not labels & {"Publish", "Take it down", "Delete", "Make the zip", "Continue training"}
    links = {link.proto.label: link.proto.query_string for link in app.get("page_link")}
    assert f"like={published.id}" in links["Train with these settings"]


def test_sample_images_of_a_published_run_are_shown_if_their_owner_agrees(house, monkeypatch):
    store = house.ben.workspace.store
    store.publish_run(house.ben.run.id, shows_images=True)
    try:
        app = open_as(monkeypatch, house.anna.person.id, "run", run=house.ben.run.id)
        assert f"/api/runs/{house.ben.run.id}/samples/" in everything(app)
    finally:
        store.withdraw_run(house.ben.run.id)


def test_who_leads_filters_runs_by_person_and_students_have_no_such_filter(house, monkeypatch):
    def runs_of(person, **query):
        app = open_as(monkeypatch, person.id, "runs", **query)
        found = set(re.findall(r"run\?run=(\w+)", everything(app)))
        return app, found

    spaces = {space.person.id: {space.run.id, space.second.id} for space in (house.anna, house.ben)}
    app, found = runs_of(house.teacher)
    assert found == set().union(*spaces.values())
    box = next(box for box in app.selectbox if box.label == "Person")
    box.set_value(house.ben.person.id).run()
    assert house.ben.person.id in app.query_params["of"]
    for person_id, own in spaces.items():
        assert runs_of(house.teacher, of=person_id)[1] == own
    app, found = runs_of(house.ben.person, of=house.anna.person.id)
    assert found == spaces[house.ben.person.id]
    assert "Person" not in [box.label for box in app.selectbox]


def test_a_job_is_stopped_by_who_asked_and_by_those_who_lead(house, monkeypatch):
    lead = Directory(house.workspace).enter("helper", "Hal", Role.LEAD)
    job = Job((), Path("x.json"), Path("progress.json"), house.anna.person.id)
    stoppers = []
    for person in (house.anna.person, house.ben.person, lead, house.teacher):
        monkeypatch.setattr(people, "_signed_in_id", lambda person=person: person.id)
        if may_stop(job):
            stoppers.append(person)
    assert stoppers == [house.anna.person, lead, house.teacher]


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
