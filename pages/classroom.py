"""Class page: joining, people, queue, limits, hand-in, next class; for those who lead."""

import streamlit as st

from tl_ui.classroom.actions import say_refusal
from tl_ui.classroom.hand_in import show_hand_in
from tl_ui.classroom.joining import show_joining
from tl_ui.classroom.limits import show_limits
from tl_ui.classroom.people import show_people
from tl_ui.classroom.queue import show_queue
from tl_ui.classroom.reset import show_reset
from tl_ui.classroom.words import is_class, page_title
from tl_ui.resources import get_workspace

workspace = get_workspace()
st.title(page_title(), anchor=False)
if not workspace.person.leads:
    st.markdown("This page is for those who lead: ask your teacher if you need something here.")
    st.stop()
say_refusal()
administers = workspace.person.administers
if is_class() and administers:
    show_joining()
show_people()
show_queue()
if administers:
    show_limits()
show_hand_in()
if is_class() and administers:
    show_reset()
