"""Parameters of the address that a page adds by itself.

`st.query_params` would make a new entry in the browser's history, from which the Back button
leads to the same page again.
"""

import streamlit as st

from tl_ui.components.assets import read_asset

_PAGE = "page-path"
"""Session key of the path of the page that is drawn."""
_COMING = "page-coming"
"""Session key of the path of the page that is going to be drawn."""
_component = st.components.v2.component(
    "transferlab_address", html="<span></span>\n", js=read_asset("address/address.js")
)


def complete_address(name: str, value: str) -> None:
    """Set a parameter in place, without a new entry in the browser's history."""
    before = st.query_params.get(name, "")
    data = {"name": name, "value": value, "before": before, "page": page_path()}
    with st.container(key=f"hidden-{name}"):
        _component(key=f"address-{name}", data=data)


def page_path() -> str:
    """Return the page's path as `note_page` was given it, empty for the first page."""
    # Not from `st.context.url`, which after a click on a link is that of the former page.
    return str(st.session_state.get(_PAGE, ""))


def note_page(path: str) -> None:
    """Note the path of the page that is drawn, for `page_path`."""
    st.session_state[_PAGE] = path


def expect_page(path: str) -> None:
    """Note the path of the page that is going to be drawn, before anything is done for it."""
    st.session_state[_COMING] = path


def is_leaving() -> bool:
    """Tell whether the page that is going to be drawn is another than the last one."""
    return st.session_state.get(_COMING, page_path()) != page_path()
