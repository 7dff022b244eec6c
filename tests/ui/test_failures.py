"""A page whose store cannot be used says so, and comes back when it can."""

from filled_pages import workspace
from streamlit.testing.v1 import AppTest

from tl_core.errors import StoreUnavailable
from tl_core.store import SqlStore
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
