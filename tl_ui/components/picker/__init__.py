"""Pictures to choose from by click or keyboard; `st.html` does not report clicks."""

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
    """Show trusted HTML whose buttons have `data-pick="NUMBER"`.

    Args:
        html: markup with user text escaped.

    Returns:
        Number of the button whose click caused this script run, if one did.
    """
    # The empty callback declares `picked`, so that it is in the result before any click.
    state = _component(key=key, data={"html": html}, on_picked_change=lambda: None)
    picked = cast(float | None, state.get("picked"))
    return None if picked is None else int(picked)
