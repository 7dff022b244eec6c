"""Banner on every page of an app that is open to everyone in its network."""

import streamlit as st

from tl_core.settings import Settings
from tl_ui.gate.listening import shares_openly


def warn_of_openness(settings: Settings) -> None:
    """Say on the page that everyone who reaches the app may do everything, where that is so."""
    if shares_openly(settings):
        st.warning(
            "Everyone who reaches this address sees, stops and deletes everything here: there is "
            "no sign-in (TRANSFERLAB_ALLOW_OPEN).",
            icon=":material/lock_open:",
        )
