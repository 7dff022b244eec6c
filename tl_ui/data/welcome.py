"""First visit: the purpose of the app, in one sentence and one picture."""

import streamlit as st

from tl_ui.components.assets import read_asset
from tl_ui.components.drawing import drawing


def show_welcome() -> None:
    """Show the name of the app, the sentence and the picture."""
    st.title("TransferLab", anchor=False)
    st.markdown(
        "**Transfer learning:** a network that has already learned to see from a million photos "
        "learns your own classes from a few dozen images of each, and you watch how it learns "
        "and how often it is right."
    )
    drawing(read_asset("drawing/welcome.html"), key="welcome")
