"""Scripts and styles of the components, and the address of the app's routes."""

from importlib.resources import files
from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent


def read_asset(*names: str) -> str:
    """Return the concatenated text of files in this folder."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


_THEME = files("tl_core.charts").joinpath("theme.js").read_text("utf-8")
PLOTLY_AND_THEME = f"{read_asset('live_chart/plotly.js')}\n{_THEME}"
"""Beginning of every chart's script; reports use the same theme."""


def url_base() -> str:
    """Return the prefix of the routes' paths on this server, usually empty; `/api` follows it."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""
