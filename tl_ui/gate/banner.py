"""Banner on every page of an app that is open to everyone in its network."""

import streamlit as st

from tl_core.settings import Settings


def warn_of_openness(settings: Settings) -> None:
    """Say on the page that everyone who reaches the app may do everything, where that is so.

    Also where it listens to this machine alone: a proxy may let others in.
    """
    if settings.access == "open" and settings.allow_open:
        st.warning(
            "Everyone who reaches this address sees, stops and deletes everything here: there is "
            "no sign-in (TRANSFERLAB_ALLOW_OPEN).",
            icon=":material/lock_open:",
        )
