"""Router: page settings, style and navigation that all pages share."""

import streamlit as st

from tl_ui.navigation import make_pages
from tl_ui.site_files import SITE
from tl_ui.style import apply_style

ASSETS = SITE / "assets"

st.set_page_config(page_title="TransferLab", page_icon=ASSETS / "icon.svg", layout="wide")
st.logo(ASSETS / "logo.svg", size="large")
apply_style()
st.navigation(make_pages(), position="top").run()
