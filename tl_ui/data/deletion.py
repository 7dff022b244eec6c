"""Deletion of a dataset, after a confirmation; it can be undone for a week."""

import streamlit as st

from tl_core.bin import DAYS_KEPT
from tl_core.errors import TransferLabError
from tl_core.records import DatasetRecord
from tl_core.text import number_of, shorten
from tl_ui.deleted import confirm_buttons, note_deletion
from tl_ui.markdown import literal
from tl_ui.people import for_everyone
from tl_ui.resources import get_workspace


def delete_dataset_button(dataset: DatasetRecord) -> None:
    """Show the button that opens the confirmation."""
    if st.button("Delete this dataset…", icon=":material/delete:", type="tertiary"):
        _ask(dataset)


@st.dialog("Delete this dataset?")
def _ask(dataset: DatasetRecord) -> None:
    st.markdown(
        f"**{literal(dataset.name)}** and its {number_of(dataset.n, 'image')} move to the bin"
        f"{for_everyone()}, and can be restored for {DAYS_KEPT} days. Runs on it keep their "
        "figures."
    )
    if not confirm_buttons("Delete"):
        return
    try:
        get_workspace().store.bin_dataset(dataset.id)
    except TransferLabError as error:
        st.error(literal(str(error)))
        return
    note_deletion([dataset.id], f"**{literal(shorten(dataset.name, 60))}**", is_dataset=True)
    # The address still names the dataset, and the page would warn that it is gone.
    st.query_params.clear()
    st.rerun()
