from streamlit.testing.v1 import AppTest
from waiting import PATIENCE


def page():
    import streamlit as st

    from tl_core.records import DatasetRecord
    from tl_ui.dataset_view import choose_dataset

    datasets = [DatasetRecord(name * 16, name, ("x", "y"), (3, 3), 0, "zip", 0.0) for name in "abc"]
    st.text(f"chosen {choose_dataset(datasets).name}")


def chosen(app):
    assert not app.exception
    return app.text[0].value.removeprefix("chosen ")


def test_every_choice_counts_and_stands_in_the_address():
    app = AppTest.from_function(page, default_timeout=PATIENCE).run()
    assert chosen(app) == "a"
    for name in "cbacab":
        app.selectbox[0].set_value(name * 16).run()
        assert chosen(app) == name
        assert app.query_params["dataset"] == name * 16
        assert chosen(app.run()) == name


def test_an_address_chooses_and_a_new_one_chooses_again():
    app = AppTest.from_function(page, default_timeout=PATIENCE)
    for name in "bcb":
        app.query_params["dataset"] = name * 16
        assert chosen(app.run()) == name


def test_a_dataset_that_is_gone_is_said_to_be():
    app = AppTest.from_function(page, default_timeout=PATIENCE)
    app.query_params["dataset"] = "zzz"
    assert chosen(app.run()) == "a"
    assert "not here" in app.warning[0].value
