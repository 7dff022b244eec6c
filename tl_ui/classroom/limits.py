"""Limits of each person's use of the server, for whoever administers it."""

import streamlit as st

from tl_core.access import Directory, PersonLimits
from tl_ui.classroom.words import member_word
from tl_ui.resources import get_workspace

_FIELDS = (
    ("waiting_runs", "Waiting runs", 1, "Runs of one person that wait or are paused in the queue."),
    ("minutes_a_day", "Minutes of training a day", 1, "Within the last 24 hours."),
    ("disk_bytes", "Disk, in gigabytes", 10**9, "Datasets and runs of one person, bin included."),
    ("images", "Images", 1, "Of all datasets of one person together."),
    ("uploads", "Open uploads", 1, "Folders or files that are being sent at the same time."),
)
"""Field, label, unit in the field's own numbers, and sentence."""


def show_limits() -> None:
    """Draw the form with the limits."""
    directory = Directory(get_workspace())
    limits = directory.limits()
    with st.expander("Limits", icon=":material/speed:"):
        st.caption(
            f"What each {member_word()} may use at most. An empty field means no limit; your own "
            "use has none. Whoever meets a limit is told which one, and what to do."
        )
        with st.form("limits", border=False):
            chosen = {}
            for (name, label, unit, sentence), column in zip(
                _FIELDS, [*st.columns(3), *st.columns(3)], strict=False
            ):
                value = getattr(limits, name)
                number = column.number_input(
                    label,
                    min_value=1,
                    value=None if value is None else max(1, value // unit),
                    key=f"limit-{name}",
                    help=sentence,
                    placeholder="no limit",
                )
                chosen[name] = None if number is None else int(number) * unit
            if st.form_submit_button("Save limits", icon=":material/save:"):
                directory.set_limits(PersonLimits(**chosen))
                st.toast("Saved. The limits count from now on.", icon=":material/check:")
