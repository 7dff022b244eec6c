from pathlib import Path

from browsing import Server, chromium, opened
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE


def test_in_a_browser_no_change_is_lost_to_one_that_comes_in_meanwhile(tmp_path):
    server = Server(Path(__file__).parent / "site" / "two_fields.py", tmp_path)
    try:
        with chromium() as browser, opened(browser, server) as page:
            page.goto("/")
            for name in ("First", "Second"):
                field = page.get_by_role("textbox", name=name)
                field.fill(f"the {name}")
                field.press("Enter")
            page.get_by_text("First: the First. Second: the Second.").wait_for()
    finally:
        server.stop()


def test_a_drawing_that_the_browser_never_got_is_no_change_of_the_persons(tmp_path):
    server = Server(Path(__file__).parent / "site" / "drawn_twice.py", tmp_path)
    try:
        with chromium() as browser, opened(browser, server) as page:
            page.goto("/")
            page.get_by_text("Drawn 2 times, the letter is b.").wait_for()
            expect(page.get_by_role("combobox", name="Letter")).to_have_value("b")
            # The browser now tells what its fields show.
            page.get_by_role("button", name="Draw again").click()
            page.get_by_text("Drawn 3 times, the letter is b.").wait_for()
    finally:
        server.stop()


def script():
    import streamlit as st

    from tl_ui.fields import field, take_changes

    form = st.session_state.setdefault("form", {"number": "1", "taken": []})

    def take(value):
        form["taken"].append(value)
        form["number"] = value

    take_changes()
    if st.button("From elsewhere"):
        form["number"] = "9"
    if form["number"] != "3":
        st.text_input("Number", key=field("number", form["number"], take))


def open_script():
    return AppTest.from_function(script, default_timeout=PATIENCE).run()


def test_what_is_typed_goes_to_the_form_once():
    app = open_script()
    app.text_input(key="number").set_value("2").run().run()
    assert app.session_state["form"] == {"number": "2", "taken": ["2"]}


def test_a_field_follows_its_form_and_that_is_no_change_of_the_persons():
    app = open_script()
    app.text_input(key="number").set_value("2").run()
    app.button[0].click().run().run()
    assert app.text_input(key="number").value == "9"
    assert app.session_state["form"]["taken"] == ["2"]


def test_a_field_that_is_gone_changes_nothing():
    app = open_script()
    app.text_input(key="number").set_value("3").run()
    assert not app.text_input
    app.button[0].click().run()
    assert app.text_input(key="number").value == "9"
    assert app.session_state["form"]["taken"] == ["3"]
