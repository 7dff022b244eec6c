"""Scrolls the page to its top when something above has changed that the reader should see."""

import streamlit as st

from tl_ui.components.assets import read_asset

_component = st.components.v2.component(
    "transferlab_scroll", html="<span></span>\n", js=read_asset("scroll/scroll.js")
)


def scroll_to_top(*, key: str, occasion: str) -> None:
    """Scroll to the top once for each occasion, however often the page is drawn.

    Args:
        occasion: text that differs for each occasion.
    """
    with st.container(key=f"hidden-{key}"):
        _component(key=key, data={"occasion": occasion})
