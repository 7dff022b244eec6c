"""Pictures of which one can be chosen, by click or by keyboard: `st.html` tells nobody of a click."""

from typing import cast

import streamlit as st

from tl_ui.components.assets import read_asset

_component = st.components.v2.component(
    "transferlab_picker",
    html='<div class="picker"></div>\n',
    css=read_asset("picker/picker.css"),
    js=read_asset("picker/picker.js"),
)


def picker(html: str, *, key: str) -> int | None:
    """Show HTML of our own making whose buttons have `data-pick="NUMBER"`; user text in it must be escaped already.

    Returns:
        The number of the button that made the script run, if one did.
    """
    state = _component(key=key, data={"html": html}, on_picked_change=lambda: None)
    picked = cast(float | None, state.get("picked"))
    return None if picked is None else int(picked)
