"""Small app that shows each component; test_in_browser.py drives its pages."""

from pathlib import Path

import streamlit as st
from tests_ui_workspace import workspace

from tl_ui.routes import make_routes

app = st.App(str(Path(__file__).with_name("page.py")), routes=make_routes(workspace))
