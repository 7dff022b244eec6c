"""Pages as the router draws them for one person, without a browser."""

import streamlit as st
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE

from tl_ui import people
from tl_ui.site_files import SITE


def open_as(monkeypatch, person_id, page, **query):
    """Open a page as the router draws it, for the person whom the gate has named."""
    app = AppTest.from_file(str(SITE / "tl_ui" / "main.py"), default_timeout=PATIENCE)
    app.user["person"] = person_id
    # `AppTest` itself asks for the labels of choices, outside any script.
    monkeypatch.setattr(people, "_signed_in_id", lambda: str(st.user.get("person") or person_id))
    app.run()
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"../pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def everything(app):
    """Return all that the browser is sent, as text."""

    def texts(node):
        if proto := getattr(node, "proto", None):
            yield str(proto)
        for child in getattr(node, "children", {}).values():
            yield from texts(child)

    return "\n".join(texts(app._tree))
