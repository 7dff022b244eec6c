"""Control of the frozen stages over a form that a button changes as well."""

import time

import streamlit as st

from tl_ui.components.depth_control import depth_control
from tl_ui.fields import take_changes
from tl_ui.train.network import StageView, depth_sentences, network_html

n_stages = int(st.query_params.get("stages", 8))
form = st.session_state.setdefault("form", {"place": 3})
number = st.session_state["number"] = st.session_state.get("number", 0) + 1
# Scripts that take a while: another change arrives before they have ended.
time.sleep(float(st.query_params.get("seconds", 0)))
take_changes()
st.set_page_config(layout="wide")
if st.button("Preset"):
    form["place"] = 6
stages = [StageView(f"stage{i}", 1000, "7 × 7 × 64") for i in range(1, n_stages + 1)]
depth_control(
    network_html(stages, "5 classes"),
    key="network",
    place=form["place"],
    sentences=depth_sentences(stages),
    label="Frozen stages",
    locked="locked" in st.query_params,
    take=lambda place: form.update(place=place),
)
st.text(f"frozen: {form['place']}")
st.text(f"drawn: {number}")
