"""Where the components' scripts and styles lie, and where the app's routes are."""

from importlib.resources import files
from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent


def read_asset(*names: str) -> str:
    """The named files below this folder, one after the other."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


_THEME = files("tl_core.charts").joinpath("theme.js").read_text("utf-8")
PLOTLY_AND_THEME = f"{read_asset('live_chart/plotly.js')}\n{_THEME}"
"""What every chart's script begins with. Reports are drawn with the same theme."""


def url_base() -> str:
    """What the routes' addresses begin with on this server: nothing, as a rule. They start with `/api`."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""
