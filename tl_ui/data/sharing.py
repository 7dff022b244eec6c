"""Sharing of a dataset with everyone by those who lead, and copying of a shared one."""

import streamlit as st

from tl_core.datasets.copying import copy_dataset
from tl_core.errors import TransferLabError
from tl_core.records import OPERATOR, DatasetRecord
from tl_ui.choice import choose
from tl_ui.classroom.words import everyone_words
from tl_ui.markdown import literal
from tl_ui.people import current_person, name_of
from tl_ui.resources import get_workspace


def show_sharing(dataset: DatasetRecord) -> None:
    """Draw whether the dataset is shared, and what the person may do about that."""
    person = current_person()
    if person is OPERATOR:
        return
    is_shared = dataset.shared_at is not None
    if is_shared and dataset.owner != person.id:
        _show_shared(dataset)
    elif person.leads and dataset.owner == person.id:
        _offer(dataset, is_shared=is_shared)


def _show_shared(dataset: DatasetRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        by = literal(name_of(dataset.owner))
        st.markdown(f":material/group: Shared with {everyone_words()} by **{by}**.")
        if st.button(
            "Copy into my own",
            icon=":material/content_copy:",
            type="tertiary",
            help="Your copy stays when the sharing ends. It takes hardly any room.",
        ):
            try:
                copy = copy_dataset(get_workspace(), dataset.id)
            except TransferLabError as error:
                st.error(literal(str(error)), icon=":material/error:")
                return
            choose("dataset", copy.id)
            st.rerun()


def _offer(dataset: DatasetRecord, *, is_shared: bool) -> None:
    label = f"Share with {everyone_words()}"
    wanted = st.toggle(
        label,
        is_shared,
        key=f"share-{dataset.id}-{is_shared}",
        help="Everyone can then see its images and train on them. Nobody else can change it.",
    )
    if wanted == is_shared:
        return
    try:
        get_workspace().store.share_dataset(dataset.id, wanted)
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    st.rerun()
