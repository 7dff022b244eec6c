"""Plotly charts that stay alive: live ones follow a run, still ones do not flicker when the script runs again."""

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
    isolate_styles=False,
)


def live_chart(
    *, key: str, url: str, height: int, alt: str, live: bool, clickable: bool = False
) -> Any:
    """A chart that fetches its figure from `url`, and again every second while its run is unfinished.

    Returns:
        `x`, `y` and `customdata` of the point that was clicked, in the one run of the script that the click causes;
        else None.

    Args:
        url: of the chart route, with its token.
        height: in pixels.
        alt: what it shows, until the route says it better.
        live: whether the run was unfinished when the script ran.
        clickable: whether the script wants to know of clicks.
    """
    return _draw(key, url=url, height=height, alt=alt, live=live, clickable=clickable)


def chart(chart: Chart, *, key: str, height: int | None = None, clickable: bool = False) -> Any:
    """A chart whose figure the script has at hand. Gives back what was clicked, as `live_chart` does.

    Args:
        height: in pixels, instead of the chart's own.
    """
    content = {"title": chart.title, "alt": chart.alt, "figure": chart.figure}
    return _draw(key, chart=content, height=height or chart.height, live=False, clickable=clickable)


def plotly_url() -> str:
    """Of the library, which the app serves itself."""
    return f"{url_base()}/api/plotly.js?v={version('plotly')}"


def _draw(key: str, **data: Any) -> Any:
    return _component(
        key=key, data={"plotly": plotly_url(), **data}, on_clicked_change=lambda: None
    ).get("clicked")
