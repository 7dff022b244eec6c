"""Queue as students see it: their place and when they should start, and nothing of the others'."""

import pytest
import streamlit as st
from filled_pages import buttons, words
from streamlit.testing.v1 import AppTest
from two_spaces import CANARY
from waiting import PATIENCE

from tl_core.access import Directory, PersonLimits
from tl_ui import people
from tl_ui.site_files import SITE


@pytest.fixture
def open_as(house, monkeypatch):
    """Return a function that opens a page as the router draws it for a person."""

    def opened(person, page, **query):
        app = AppTest.from_file(str(SITE / "tl_ui" / "main.py"), default_timeout=PATIENCE)
        app.user["person"] = person.id
        # `AppTest` itself asks for the labels of choices, outside any script.
        monkeypatch.setattr(
            people, "_signed_in_id", lambda: str(st.user.get("person") or person.id)
        )
        app.run()
        app.query_params.clear()
        for name, value in query.items():
            app.query_params[name] = value
        app.switch_page(f"../pages/{page}.py").run()
        assert not app.exception, app.exception
        return app

    return opened


@pytest.fixture
def waiting(house):
    """Queue three runs of Anna's and two of Ben's; return Ben's second one."""
    for space, n in ((house.anna, 3), (house.ben, 2)):
        for _ in range(n):
            run = space.workspace.store.add_run(space.run.config, space.dataset.name)
    yield run
    for place in house.workspace.store.list_queue():
        house.workspace.store.request_cancel(place.run_id)


def test_a_student_is_told_a_place_and_nothing_of_those_ahead(house, waiting, open_as):
    shown = words(open_as(house.ben.person, "run", run=waiting.id))
    assert "Waiting: 3 runs are ahead of this one." in shown
    assert "People take turns" in shown and "It should start in " in shown
    assert CANARY not in shown


def test_only_who_leads_is_offered_to_change_the_order(house, waiting, open_as):
    orders = {"Move it to the front", "Let others go first"}
    assert not orders & set(buttons(open_as(house.ben.person, "run", run=waiting.id)))
    assert "Hold the queue" not in buttons(open_as(house.ben.person, "runs"))
    page = open_as(house.teacher, "run", run=waiting.id)
    buttons(page)["Move it to the front"].click().run()
    assert house.workspace.store.list_queue()[0].run_id == waiting.id
    assert "Hold the queue" in buttons(open_as(house.teacher, "runs"))


def test_a_full_queue_is_told_before_train_is_pressed(house, waiting, open_as):
    directory = Directory(house.workspace)
    directory.set_limits(PersonLimits(waiting_runs=2))
    shown = unescaped(open_as(house.ben.person, "train", dataset=house.ben.dataset.id))
    assert "Before that it waits for the 5 runs ahead of it" in shown
    assert "You have 2 waiting runs, and 2 may wait for one person" in shown
    directory.set_limits(PersonLimits())
    shown = unescaped(open_as(house.ben.person, "train", dataset=house.ben.dataset.id))
    assert "Before that it waits" in shown and "You have 2 waiting runs" not in shown


def unescaped(app):
    return words(app).replace("\\", "")
