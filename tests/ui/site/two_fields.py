"""Two fields of a form; the first change is handled slowly, so that the second overlaps it."""

import time

import streamlit as st

from tl_ui.fields import field, take_changes


def take_slowly(value: str) -> None:
    time.sleep(1)
    st.session_state["form"]["First"] = value


def take(value: str) -> None:
    st.session_state["form"]["Second"] = value


form = st.session_state.setdefault("form", {"First": "nothing", "Second": "nothing"})
take_changes()
st.text_input("First", key=field("first", form["First"], take_slowly))
st.text_input("Second", key=field("second", form["Second"], take))
st.markdown(f"First: {form['First']}. Second: {form['Second']}.")
