"""Room for elements that are still loading, so that what follows them does not jump."""

import re

import streamlit as st


def keep_room(key: str, height: int, narrow: int | None = None) -> None:
    """Give the element of this key a least height.

    Args:
        height: in pixels.
        narrow: the same on a phone; None for no other.
    """
    # Streamlit makes a class of the key, with a hyphen for every other character.
    css_class = "st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", key)
    phone = height if narrow is None else narrow
    st.html(
        f"<style>.{css_class} {{ min-height: {height}px; }} @media (max-width: 640px) {{ "
        f".{css_class} {{ min-height: {phone}px; }} }}</style>"
    )
