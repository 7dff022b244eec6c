"""List of runs: each row opens its run, and rows can be ticked."""

from collections.abc import Sequence
from typing import cast

import streamlit as st

from tl_ui.components.assets import read_asset

_component = st.components.v2.component(
    "transferlab_run_list",
    html='<div class="runs"></div>\n',
    css=read_asset("run_list/run_list.css"),
    js=read_asset("run_list/run_list.js"),
)


def run_list(html: str, *, key: str) -> Sequence[str]:
    """Show trusted HTML with a link to each run and a checkbox whose value is the run's id.

    Args:
        html: markup with user text escaped.

    Returns:
        Ids of the ticked runs.
    """
    # The empty callback declares `ticked`, so that it is in the result before any tick.
    state = _component(
        key=key, data={"html": html}, default={"ticked": []}, on_ticked_change=lambda: None
    )
    return cast(Sequence[str], state.get("ticked") or [])
