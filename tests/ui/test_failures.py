"""A page whose store cannot be used says so, and comes back when it can; none tells of paths."""

from filled_pages import workspace
from opening_pages import everything
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from tl_core.errors import StoreUnavailable
from tl_core.serving import make_api
from tl_core.store import SqlStore
from tl_ui.gate import make_gate
from tl_ui.gate.visitors import COOKIE
from tl_ui.markdown import literal
from tl_ui.site_files import SITE

__all__ = ["workspace"]


def test_a_page_without_its_store_is_a_sentence_without_the_servers_paths(workspace, monkeypatch):
    def refuse(*arguments, **options):
        raise StoreUnavailable(
            f"The store at {workspace.settings.home}/transferlab.db is locked: <try> again."
        )

    app = AppTest.from_file(SITE / "tl_ui" / "main.py", default_timeout=60)
    with monkeypatch.context() as away:
        away.setattr(SqlStore, "list_datasets", refuse)
        app.run()
        assert not app.exception
        assert app.error[0].value == literal("The store at transferlab.db is locked: <try> again.")
    app.button[0].click().run()
    assert not app.exception and not app.error


def test_an_unexpected_error_on_a_page_tells_nothing_of_the_server(workspace, monkeypatch):
    def fail(*arguments, **options):
        raise PermissionError(13, "Permission denied", str(workspace.settings.home / "x.png"))

    app = AppTest.from_file(SITE / "tl_ui" / "main.py", default_timeout=60)
    monkeypatch.setattr(SqlStore, "list_datasets", fail)
    app.run()
    assert app.exception
    shown = everything(app)
    assert "Permission" not in shown and str(workspace.settings.home) not in shown


def test_routes_and_the_gate_tell_of_no_folder(workspace):
    place = f"{workspace.settings.home}/transferlab.db"
    api = make_api()

    @api.get("/api/away")
    def away():
        raise StoreUnavailable(f'The store at "{place}" cannot be used: it is away.')

    @api.get("/api/broken")
    def broken():
        raise PermissionError(13, "Permission denied", place)

    client = TestClient(api, raise_server_exceptions=False)
    answer = client.get("/api/away")
    assert answer.status_code == 503
    assert answer.json()["error"] == 'The store at "transferlab.db" cannot be used: it is away.'
    answer = client.get("/api/broken")
    assert answer.status_code == 500 and "transferlab" not in answer.text


def test_the_gate_of_a_class_whose_store_is_away_tells_of_no_folder(workspace):
    def away():
        raise StoreUnavailable(f'The store at "{workspace.settings.home}/x.db" cannot be used.')

    settings = workspace.settings.model_copy(update={"access": "classroom"})
    app = Starlette(middleware=[make_gate(lambda: settings, away, lambda: "localhost")])
    client = TestClient(app, base_url="http://localhost:8501")
    answer = client.get("/", headers={"Cookie": f"{COOKIE}=x"})
    assert answer.status_code == 503
    assert answer.text == 'The store at "x.db" cannot be used.\n'
