"""Pages of the app and the links between them."""

from typing import Any, NoReturn

import streamlit as st

from tl_ui.site_files import SITE

_NAMES = ("data", "explore", "train", "runs", "run", "compare", "optimizers", "try_it")
_FILES = {name: SITE / "pages" / f"{name}.py" for name in _NAMES}


def make_pages() -> dict[str, list[Any]]:
    """Return the pages in menu order, by section; those under "" stand in the menu itself.

    A run's page and a comparison are not in the menu.
    """
    return {
        "": [
            st.Page(
                _FILES["data"],
                title="Data",
                icon=":material/photo_library:",
                url_path="data",
                default=True,
            ),
            _page("explore", "Explore", "scatter_plot"),
            _page("train", "Train", "model_training"),
            _page("runs", "Runs", "list"),
            st.Page(
                _FILES["try_it"], title="Try it", icon=":material/image_search:", url_path="try"
            ),
            # Without a parameter in the address, these two have nothing to show.
            st.Page(_FILES["run"], title="Run", url_path="run", visibility="hidden"),
            st.Page(_FILES["compare"], title="Compare", url_path="compare", visibility="hidden"),
        ],
        "Learn": [_page("optimizers", "Optimizers", "ssid_chart")],
    }


def _page(name: str, title: str, icon: str) -> Any:
    return st.Page(_FILES[name], title=title, icon=f":material/{icon}:", url_path=name)


def link(
    page: str, label: str, *, icon: str | None = None, primary_key: str | None = None, **query: str
) -> None:
    """Draw a link to a page, after which the browser's Back button works.

    Args:
        page: name of its file, such as "run".
        label: Markdown; user text in it must be `literal`.
        primary_key: unique on the page; makes the link look like the primary button.
        query: parameters of the address, such as `run=run.id`.
    """
    # A container's key becomes a CSS class, by which the style sheet finds the link.
    key = f"next-{primary_key}" if primary_key else None
    with st.container(key=key, width="content"):
        st.page_link(_FILES[page], label=label, icon=icon, query_params=query or None)


def go(page: str, **query: str) -> NoReturn:
    """Switch to a page at once, at the end of an action.

    Prefer `link` elsewhere: it leaves a proper entry in the browser's history.
    """
    st.switch_page(_FILES[page], query_params=query or None)
