"""Overview of what a dataset holds: class balance, split, unusable files and warnings."""

from collections.abc import Sequence
from operator import attrgetter

import streamlit as st

from tl_core.charts import balance_words, class_balance_chart, is_balanced
from tl_core.errors import TransferLabError
from tl_core.glossary import GLOSSARY
from tl_core.records import DatasetRecord, SkippedFile
from tl_core.spreadsheet import as_csv
from tl_core.text import count, number_of, rarest_first
from tl_ui.components.download import download_link
from tl_ui.components.live_chart import chart
from tl_ui.dataset_view import default_split
from tl_ui.markdown import literal

WARNINGS_ANCHOR = "warnings"


def show_reading(dataset: DatasetRecord) -> None:
    """Say how the folders of the dataset were read as classes and splits."""
    if dataset.reading:
        st.markdown(f":material/account_tree: {literal(dataset.reading)}")


def show_balance(dataset: DatasetRecord) -> None:
    """Say how many images each class has, and draw it where the classes differ."""
    st.subheader("Class balance")
    st.caption(
        "How the images are shared among the classes. Few images in a class make its predictions "
        "less reliable."
    )
    if is_balanced(dataset.counts):
        st.markdown(f"**{balance_words(dataset.counts)}.**")
    else:
        chart(class_balance_chart(dataset.classes, dataset.counts), key=f"balance-{dataset.id}")


def show_split(dataset: DatasetRecord) -> None:
    """Show the sizes of the default split."""
    meaning = f"{GLOSSARY['validation']} {GLOSSARY['test set']}"
    st.subheader("Train, validation and test split", help=meaning)
    try:
        split = default_split(dataset.id)
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    st.markdown(
        f"**{count(len(split.train))}** images to learn from (training), "
        f"**{count(len(split.val))}** to check on after every epoch (validation), "
        f"**{count(len(split.test))}** held out for a single test at the end. "
        "Copies of the same file always stay on one side."
    )


def show_left_out(skipped: Sequence[SkippedFile]) -> None:
    """Show the files that could not be used with the reason for each, and offer them as CSV."""
    if not skipped:
        st.markdown(":material/check_circle: Every file could be used; nothing was left out.")
        return
    verb = "was" if len(skipped) == 1 else "were"
    files = f"{number_of(len(skipped), 'file')} {verb} left out"
    with st.expander(f"{files}: see which, and why", icon=":material/block:"):
        # Most of them are often left out for one reason, and would hide the others.
        shown = rarest_first(skipped, by=attrgetter("reason"))
        rows = [{"File": file.name, "Why it was left out": file.reason} for file in shown]
        st.dataframe(
            rows, hide_index=True, alt="Files that were left out, with the reason for each"
        )
        table = as_csv(["file", "reason"], [(file.name, file.reason) for file in shown])
        download_link("Download as CSV", table, "left-out.csv", key="left-out-csv")


def show_warnings(dataset: DatasetRecord) -> int:
    """Show what is odd about the images and about their split; return the number of warnings."""
    warnings = _warnings(dataset)
    if warnings:
        st.subheader("Warnings", anchor=WARNINGS_ANCHOR)
    for warning in warnings:
        st.warning(literal(warning), icon=":material/warning:")
    return len(warnings)


def _warnings(dataset: DatasetRecord) -> tuple[str, ...]:
    try:
        return (*dataset.warnings, *default_split(dataset.id).warnings)
    except TransferLabError:
        # The section on the split says why there is none.
        return dataset.warnings
