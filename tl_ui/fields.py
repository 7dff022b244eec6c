"""Fields that show a form's values, and whose changes go into it at the start of the next drawing.

Not by callbacks. Streamlit breaks a callback off when another change comes in while it runs: what was typed would be
missing from the form and then, since the fields are drawn from the form, vanish from the page.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

Take = Callable[[Any], None]
"""Gets what stands in the field. It may be called twice with the same."""


def field(key: str, value: Any, take: Take) -> str:
    """Put a value into the widget that is drawn next; gives back its key."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    _drawn()[key] = value, take
    return key


def take_changes() -> None:
    """Hand on what has been changed in fields since they were drawn: the first thing a page or fragment does."""
    for key, (value, take) in list(_drawn().items()):
        if key in st.session_state and (now := st.session_state[key]) != value:
            take(now)
            _drawn()[key] = now, take


def _drawn() -> dict[str, tuple[Any, Take]]:
    """By key: what the widget was given, and who takes what it is changed to."""
    drawn: dict[str, tuple[Any, Take]] = st.session_state.setdefault("fields-drawn", {})
    return drawn
