"""Failures of the store, such as a database that is away, said on the page that they prevent."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from tl_core.errors import StoreUnavailable
from tl_core.text import without_folders
from tl_ui.markdown import literal


@contextmanager
def store_failures_said() -> Iterator[None]:
    """Draw a page as the block, and in its place the reason why the store cannot be used."""
    try:
        yield
    except StoreUnavailable as error:
        st.error(literal(without_folders(str(error))), icon=":material/error:")
        st.button("Try again", icon=":material/refresh:")
