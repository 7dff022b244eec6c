"""Field whose first drawing never reaches the browser: the script starts again at once."""

import streamlit as st

from tl_ui.fields import field, place, take_changes

form = st.session_state.setdefault("form", {"letter": "b"})
st.session_state["drawings"] = st.session_state.get("drawings", 0) + 1


def take(value):
    form["letter"] = value


take_changes()
letters = ["a", "b", "c"]
index = place(letters, form["letter"])
st.selectbox("Letter", letters, index, key=field("letter", form["letter"], take))
st.button("Draw again")
if st.session_state["drawings"] == 1:
    st.rerun()
st.text(f"Drawn {st.session_state['drawings']} times, the letter is {form['letter']}.")
