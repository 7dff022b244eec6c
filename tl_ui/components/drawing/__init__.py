"""Inline SVG in a page: `st.html` strips it, and an `<img>` would not follow the theme."""

import streamlit as st

from tl_ui.components.assets import read_asset

_component = st.components.v2.component(
    "transferlab_drawing",
    html='<div class="drawing"></div>\n',
    css=read_asset("drawing/drawing.css"),
    js=read_asset("drawing/drawing.js"),
)


def drawing(svg: str, *, key: str) -> None:
    """Show trusted HTML or SVG, such as that of `network_svg`.

    Args:
        svg: markup with user text escaped.
    """
    _component(key=key, data={"svg": svg})
