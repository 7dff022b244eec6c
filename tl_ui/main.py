"""Router: page settings, style and navigation that all pages share."""

from pathlib import Path

import streamlit as st

from tl_ui.navigation import make_pages
from tl_ui.style import apply_style

ASSETS = Path(__file__).parents[1] / "assets"

st.set_page_config(page_title="TransferLab", page_icon=ASSETS / "icon.svg", layout="wide")
st.logo(ASSETS / "logo.svg", size="large")
apply_style()
st.navigation(make_pages(), position="top").run()
