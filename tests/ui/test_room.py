from streamlit.testing.v1 import AppTest
from waiting import PATIENCE


def page():
    from tl_ui.room import keep_room

    keep_room("curves-a b/<1>", 320, 360)


def test_the_style_names_the_class_that_streamlit_makes_of_the_key():
    app = AppTest.from_function(page, default_timeout=PATIENCE).run()
    assert not app.exception
    (style,) = (element.proto.body for element in app.get("html"))
    assert ".st-key-curves-a-b--1- { min-height: 320px; }" in style
    assert "(max-width: 640px) { .st-key-curves-a-b--1- { min-height: 360px; } }" in style
    assert style.count("<") == 2, "the key is no markup"
