"""Plotly charts that follow a run, and do not flicker when the page's script runs again."""

from importlib.metadata import version
from typing import Any

import streamlit as st

from tl_core.charts import Chart
from tl_ui.components.assets import PLOTLY_AND_THEME, read_asset, url_base
from tl_ui.room import keep_room

_AROUND = 56
"""Height of a chart's title and of the links below it, in pixels."""
_AROUND_NARROW = 88
"""Height of the same on a phone, where most titles take two lines, in pixels."""
_component = st.components.v2.component(
    "transferlab_chart",
    html=read_asset("live_chart/chart.html"),
    css=read_asset("live_chart/chart.css"),
    js=f"{PLOTLY_AND_THEME}\n{read_asset('live_chart/chart.js')}",
    # Plotly adds its style rules to the document, where a shadow root would not see them.
    isolate_styles=False,
)


# Read once, since each time it parses a file of the package.
_PLOTLY = version("plotly")
Place = tuple[int, int]
"""Column and row of a cell, from 0."""


def live_chart(
    *,
    key: str,
    url: str,
    height: int,
    alt: str,
    live: bool,
    clickable: bool = False,
    marked: Place | None = None,
) -> Any:
    """Draw a chart that fetches its figure from `url`, every second while its run is unfinished.

    Args:
        url: address of the chart route, with its token.
        height: in pixels.
        alt: description of the chart until the route's own arrives.
        live: True if the run was unfinished when the script ran.
        clickable: report clicks to the script.
        marked: cell of a matrix that gets an outline.

    Returns:
        `x`, `y` and `customdata` of the clicked point, in the one script run that the click
        causes; else None.
    """
    look = {"height": height, "alt": alt, "live": live, "marked": marked}
    return _draw(key, url=url, clickable=clickable, **look)


def clicked_before(key: str) -> Any:
    """Return what `live_chart` of this key is about to return, before it is drawn."""
    return (st.session_state.get(key) or {}).get("clicked")


def chart(chart: Chart, *, key: str, height: int | None = None, clickable: bool = False) -> Any:
    """Draw a chart from its figure; return the clicked point as `live_chart` does.

    Args:
        height: in pixels, instead of the chart's own height.
    """
    content = {"title": chart.title, "alt": chart.alt, "figure": chart.figure}
    return _draw(key, chart=content, height=height or chart.height, live=False, clickable=clickable)


def plotly_url() -> str:
    """Return the address of the library, which the app serves itself."""
    return f"{url_base()}/api/plotly.js?v={_PLOTLY}"


def _draw(key: str, **data: Any) -> Any:
    data["plotly"] = plotly_url()
    keep_room(key, data["height"] + _AROUND, data["height"] + _AROUND_NARROW)
    # The empty callback declares `clicked`, so that it is in the result before any click.
    state = _component(key=key, data=data, on_clicked_change=lambda: None)
    return state.get("clicked")
