"""Invitation into the class: address, QR code and class code, large enough to be projected."""

import streamlit as st

from tl_core.access import Directory
from tl_core.text import html_text
from tl_ui.classroom.actions import said
from tl_ui.components.drawing import drawing
from tl_ui.gate.invitation import WARNING, join_addresses, qr_code
from tl_ui.resources import get_workspace

_STYLE = """<style>
.tl-invite { display: flex; flex-wrap: wrap; gap: 2rem; align-items: center; }
.tl-invite svg { width: min(15rem, 70vw); height: auto; border-radius: 0.5rem; }
.tl-invite p { margin: 0 0 0.25rem; opacity: 0.75; }
.tl-invite strong { display: block; font-size: clamp(1.1rem, 4.5vw, 2rem); overflow-wrap: anywhere;
  line-height: 1.2; margin-bottom: 1.25rem; }
.tl-invite .tl-code { font-size: clamp(2.5rem, 12vw, 5rem); letter-spacing: 0.15em;
  font-family: var(--st-code-font, monospace); margin: 0; line-height: 1; }
</style>"""


def show_joining() -> None:
    """Draw how students join, and the buttons that close joining and renew the code."""
    directory = Directory(get_workspace())
    classroom = directory.classroom()
    st.header("Join the class", anchor=False)
    if not classroom.is_open:
        st.info(
            "Joining is closed: no new names are let in. Those who have joined can come back.",
            icon=":material/lock:",
        )
    addresses = join_addresses(get_workspace().settings)
    _show_invitation(addresses[0], classroom.code)
    if addresses[0].startswith("https"):
        st.caption(WARNING)
    if others := addresses[1:]:
        st.caption("If that address does not answer: " + ", ".join(f"`{each}`" for each in others))
    with st.container(horizontal=True):
        is_open = classroom.is_open
        st.button(
            "Close joining" if is_open else "Open joining",
            icon=":material/lock:" if is_open else ":material/lock_open:",
            key=f"joining-{is_open}",
            on_click=said(directory.set_open),
            args=(not is_open,),
        )
        st.button(
            "New code",
            icon=":material/refresh:",
            on_click=said(directory.renew_code),
            help="The present code lets nobody in any more. Those who have joined stay.",
        )


def _show_invitation(address: str, code: str) -> None:
    # `st.html` leaves drawings out.
    drawing(
        f'{_STYLE}<div class="tl-invite">{qr_code(address)}'
        f"<div><p>Open in a browser</p><strong>{html_text(address)}</strong>"
        f'<p>Class code</p><strong class="tl-code">{html_text(code)}</strong></div></div>',
        key="invitation",
    )
