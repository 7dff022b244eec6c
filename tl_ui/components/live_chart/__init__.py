"""Plotly charts that follow a run, and do not flicker when the page's script runs again."""

from importlib.metadata import version
from typing import Any

import streamlit as st

from tl_core.charts import Chart
from tl_ui.components.assets import PLOTLY_AND_THEME, read_asset, url_base

_component = st.components.v2.component(
    "transferlab_chart",
    html=read_asset("live_chart/chart.html"),
    css=read_asset("live_chart/chart.css"),
    js=f"{PLOTLY_AND_THEME}\n{read_asset('live_chart/chart.js')}",
    # Plotly adds its style rules to the document, where a shadow root would not see them.
    isolate_styles=False,
)


def live_chart(
    *, key: str, url: str, height: int, alt: str, live: bool, clickable: bool = False
) -> Any:
    """Draw a chart that fetches its figure from `url`, every second while its run is unfinished.

    Args:
        url: address of the chart route, with its token.
        height: in pixels.
        alt: description of the chart until the route's own arrives.
        live: True if the run was unfinished when the script ran.
        clickable: report clicks to the script.

    Returns:
        `x`, `y` and `customdata` of the clicked point, in the one script run that the click
        causes; else None.
    """
    return _draw(key, url=url, height=height, alt=alt, live=live, clickable=clickable)


def chart(chart: Chart, *, key: str, height: int | None = None, clickable: bool = False) -> Any:
    """Draw a chart from its figure; return the clicked point as `live_chart` does.

    Args:
        height: in pixels, instead of the chart's own height.
    """
    content = {"title": chart.title, "alt": chart.alt, "figure": chart.figure}
    return _draw(key, chart=content, height=height or chart.height, live=False, clickable=clickable)


def plotly_url() -> str:
    """Return the address of the library, which the app serves itself."""
    return f"{url_base()}/api/plotly.js?v={version('plotly')}"


def _draw(key: str, **data: Any) -> Any:
    data["plotly"] = plotly_url()
    # The empty callback declares `clicked`, so that it is in the result before any click.
    state = _component(key=key, data=data, on_clicked_change=lambda: None)
    return state.get("clicked")
