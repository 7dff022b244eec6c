"""Fields of a form: each shows a value and hands changes on at the start of the next script run.

Callbacks would lose changes. Streamlit interrupts a callback when another change arrives while it
runs: the typed value would be missing from the form and then, since the fields are drawn from the
form, disappear from the page.
"""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

Take = Callable[[Any], None]
"""Receives the field's new value; may be called twice with the same one."""


def field(key: str, value: Any, take: Take) -> str:
    """Set the value of the widget that is drawn next and return its key.

    The widget has to be given the value as its default, too: where a script run is broken off,
    the browser may draw the widget without having heard of the value that was set, and would tell
    its own default as a change of the person's.
    """
    # By way of the session, since a `value` argument counts only when a widget first appears.
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    _drawn()[key] = (value, take)
    return key


def place(options: Sequence[Any], value: Any) -> int:
    """Return the position of a value among the options of a drop-down; 0 if it is none of them."""
    return list(options).index(value) if value in options else 0


def watched(key: str, take: Take) -> str:
    """Watch the state of the component that is drawn next and return its key.

    Its state is what the browser tells and cannot be set; the component shows the form's value by
    its own arguments.
    """
    _drawn()[key] = (st.session_state.get(key), take)
    return key


def take_changes() -> None:
    """Hand on changes since the last drawing; call it first in a page or fragment."""
    for key, (value, take) in list(_drawn().items()):
        # Streamlit drops the state of widgets that are no longer drawn.
        if key in st.session_state and (now := st.session_state[key]) != value:
            take(now)
            # A page and its fragments share this: what one has handed on, the other need not.
            _drawn()[key] = (now, take)


def _drawn() -> dict[str, tuple[Any, Take]]:
    """Return, by key, the value that each widget was drawn with and the receiver of changes."""
    drawn: dict[str, tuple[Any, Take]] = st.session_state.setdefault("fields-drawn", {})
    return drawn
