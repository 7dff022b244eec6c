"""Actions of those who lead, whose refusals are said on the page that is drawn next."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import streamlit as st

from tl_core.errors import TransferLabError
from tl_ui.markdown import literal

_REFUSED = "class-refused"
"""Session key of the sentence that says why the last action was refused."""


def said(action: Callable[..., Any]) -> Callable[..., None]:
    """Return the action as a callback of a button; what it raises is said by `say_refusal`."""

    @wraps(action)
    def act(*args: Any) -> None:
        try:
            action(*args)
        except TransferLabError as error:
            st.session_state[_REFUSED] = str(error)

    return act


def say_refusal() -> None:
    """Draw why the last action was refused, once."""
    if sentence := st.session_state.pop(_REFUSED, ""):
        st.error(literal(sentence), icon=":material/error:")
