"""The router: which pages there are, and what is the same on all of them."""

from pathlib import Path

import streamlit as st

from tl_ui.style import apply_style

PAGES = Path(__file__).parents[1] / "pages"

st.set_page_config(page_title="TransferLab", page_icon=":material/center_focus_strong:", layout="wide")
apply_style()
page = st.navigation(
    [
        st.Page(PAGES / "data.py", title="Data", icon=":material/photo_library:", url_path="data", default=True),
        st.Page(PAGES / "train.py", title="Train", icon=":material/model_training:", url_path="train"),
        st.Page(PAGES / "runs.py", title="Runs", icon=":material/list:", url_path="runs"),
        st.Page(PAGES / "try_it.py", title="Try it", icon=":material/image_search:", url_path="try"),
        st.Page(PAGES / "run.py", title="Run", url_path="run", visibility="hidden"),
    ],
    position="top",
)
page.run()
