"""Choice among the readings of an import's folders, each with pictures of its classes."""

import streamlit as st

from tl_core.data.choosing import EXAMPLES, Reading
from tl_core.text import count, number_of
from tl_ui.data.import_jobs import Import
from tl_ui.data.questions import MOST_CLASSES, Question
from tl_ui.gallery import ClassRow, GalleryItem, class_rows_html
from tl_ui.markdown import literal


def ask_for_reading(job: Import, question: Question) -> None:
    """Show every reading with its pictures; answer the import's question once one is chosen."""
    st.subheader("Which folders are the classes?", anchor=False)
    st.markdown(
        f"The folders in **{literal(job.name)}** can be read in more than one way. The model "
        "learns to tell the classes apart that you choose here. Nothing is imported before."
    )
    columns = st.columns(min(2, len(question.readings)))
    for place, reading in enumerate(question.readings):
        with columns[place % len(columns)].container(border=True):
            _show(reading, question)
            is_chosen = st.button(
                f"Use these {number_of(len(reading.counts), 'class', 'classes')}",
                key=f"reading-{reading.level}",
                type="primary" if place == 0 else "secondary",
            )
        if is_chosen:
            question.answer(reading.level)
            st.rerun()
    if st.button("Cancel the import", key="stop-import", type="tertiary"):
        job.cancel()
        st.rerun()


def _show(reading: Reading, question: Question) -> None:
    names = list(reading.counts)
    first = reading is question.readings[0]
    st.markdown(f"**{number_of(len(names), 'class', 'classes')}**{' (suggested)' if first else ''}")
    st.caption(literal(reading.sentence))
    rows = [_row(name, reading, question) for name in names[:MOST_CLASSES]]
    st.html(class_rows_html(rows, columns=EXAMPLES))
    if len(names) > MOST_CLASSES:
        more = len(names) - MOST_CLASSES
        st.caption(f"and {number_of(more, 'more class', 'more classes')}")


def _row(name: str, reading: Reading, question: Question) -> ClassRow:
    items = [
        GalleryItem(question.pictures[example.index], name, name=example.name)
        for example in reading.examples[name]
        if example.index in question.pictures
    ]
    return ClassRow(f"{name} ({count(reading.counts[name])})", items)
