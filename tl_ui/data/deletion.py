"""Deletion of a dataset, after a confirmation."""

import streamlit as st

from tl_core.datasets.importing import delete_dataset
from tl_core.errors import TransferLabError
from tl_core.records import DatasetRecord
from tl_core.text import number_of
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace


def delete_dataset_button(dataset: DatasetRecord) -> None:
    """Show the button that opens the confirmation."""
    if st.button("Delete this dataset…", icon=":material/delete:", type="tertiary"):
        _ask(dataset)


@st.dialog("Delete this dataset?")
def _ask(dataset: DatasetRecord) -> None:
    st.markdown(
        f"**{literal(dataset.name)}** and its {number_of(dataset.n, 'image')} will be deleted "
        "from this server for everyone. Runs on it keep their figures, but can no longer show "
        "the images."
    )
    if st.button("Delete", type="primary"):
        workspace = get_workspace()
        try:
            delete_dataset(workspace.store, workspace.artifacts, dataset.id)
        except TransferLabError as error:
            st.error(literal(str(error)))
            return
        # The address still names the dataset, and the page would warn that it is gone.
        st.query_params.clear()
        st.rerun()
