"""Starting a run from the Train page."""

import streamlit as st

from tl_core.config import RunConfig
from tl_core.errors import TransferLabError
from tl_ui.navigation import go
from tl_ui.resources import get_runner

TRAIN = "train-now"
"""Session key of the button."""


def start_run(config: RunConfig) -> str:
    """Queue a run and go to its page; return why it was refused, if it was."""
    # A toast, since the button may be far below the top, where the page begins to be drawn again.
    st.toast("Starting the run …", icon=":material/play_arrow:")
    try:
        run = get_runner().submit(config)
    except TransferLabError as error:
        return str(error)
    go("run", run=run.id)
