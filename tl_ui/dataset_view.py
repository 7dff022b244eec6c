"""What a dataset is, at a glance: how many, which classes, what was left out and why, what the images look like."""

from collections.abc import Sequence
from functools import lru_cache

import streamlit as st

from tl_core.charts import class_balance_chart
from tl_core.config import DataConfig
from tl_core.data.splits import make_split
from tl_core.errors import TransferLabError
from tl_core.glossary import GLOSSARY
from tl_core.records import DatasetRecord, ImageRecord, SkippedFile, Split
from tl_core.spreadsheet import as_csv
from tl_core.text import count, isolated, number_of, percent
from tl_ui.address_select import choose_by_address
from tl_ui.components.assets import url_base
from tl_ui.components.live_chart import chart
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.markdown import literal
from tl_ui.resources import get_tokens, get_workspace

PAGE_OF_IMAGES = 24


@lru_cache(maxsize=16)
def dataset_images(dataset_id: str) -> tuple[ImageRecord, ...]:
    """The images of a dataset, which never change."""
    return tuple(get_workspace().store.list_images(dataset_id))


@lru_cache(maxsize=16)
def default_split(dataset_id: str) -> Split:
    return make_split(dataset_images(dataset_id), DataConfig(dataset_id=dataset_id))


def thumbnail_url(dataset_id: str, sha256: str) -> str:
    token = get_tokens().sign("dataset", dataset_id)
    return f"{url_base()}/api/datasets/{dataset_id}/thumbnails/{sha256}?token={token}"


def image_url(dataset_id: str, sha256: str) -> str:
    token = get_tokens().sign("dataset", dataset_id)
    return f"{url_base()}/api/datasets/{dataset_id}/images/{sha256}?token={token}"


def choose_dataset(datasets: Sequence[DatasetRecord]) -> DatasetRecord:
    """By a drop-down that follows, and sets, the address's `dataset`."""
    names = {
        d.id: f"{isolated(d.name)} ({number_of(d.n, 'image')}, {len(d.classes)} classes)"
        for d in datasets
    }
    chosen = choose_by_address("Dataset", names, "dataset")
    return next(dataset for dataset in datasets if dataset.id == chosen)


def describe(dataset: DatasetRecord) -> str:
    """One or two sentences, for Markdown."""
    most = max(range(len(dataset.classes)), key=dataset.counts.__getitem__)
    least = min(range(len(dataset.classes)), key=dataset.counts.__getitem__)
    text = f"**{number_of(dataset.n, 'image')} in {len(dataset.classes)} classes.** "
    if dataset.counts[most] == dataset.counts[least]:
        return text + f"Each class has {dataset.counts[most]}."
    return text + (
        f"The biggest, {literal(dataset.classes[most])}, has {count(dataset.counts[most])} "
        f"({percent(dataset.counts[most] / dataset.n)}); the smallest, {literal(dataset.classes[least])}, "
        f"has {count(dataset.counts[least])}."
    )


def show_left_out(skipped: Sequence[SkippedFile]) -> None:
    """The files that could not be used, each with its reason, and as CSV."""
    if not skipped:
        st.markdown(":material/check_circle: Every file could be used; nothing was left out.")
        return
    files = (
        "1 file was left out" if len(skipped) == 1 else f"{count(len(skipped))} files were left out"
    )
    with st.expander(f"{files}: see which, and why", icon=":material/block:"):
        rows = [{"File": file.name, "Why it was left out": file.reason} for file in skipped]
        st.dataframe(
            rows, hide_index=True, alt="Files that were left out, with the reason for each"
        )
        st.download_button(
            "Download as CSV",
            as_csv(["file", "reason"], [(file.name, file.reason) for file in skipped]),
            "left-out.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def show_split(dataset: DatasetRecord) -> None:
    """How the images will be shared out, and which class is missing where."""
    try:
        split = default_split(dataset.id)
    except TransferLabError as error:
        st.warning(literal(str(error)))
        return
    st.subheader("How they will be split", help=GLOSSARY["validation"] + " " + GLOSSARY["test set"])
    st.markdown(
        f"**{count(len(split.train))}** to learn from (training), **{count(len(split.val))}** to check on after every "
        f"epoch (validation), **{count(len(split.test))}** kept aside for one honest test at the end. Copies of the "
        "same file always stay on one side."
    )
    if split.warnings:
        st.warning(
            "\n\n".join(literal(warning) for warning in split.warnings), icon=":material/warning:"
        )


def show_gallery(dataset: DatasetRecord) -> None:
    """Thumbnails by class, a page at a time."""
    st.subheader("What they look like")
    everything = "All classes"
    chosen = st.selectbox(
        "Class", [everything, *dataset.classes], format_func=isolated, key=f"class-{dataset.id}"
    )
    images = dataset_images(dataset.id)
    images = (
        _mixed(images) if chosen == everything else [i for i in images if i.class_name == chosen]
    )
    shown_key = f"shown-{dataset.id}-{chosen}"
    shown = st.session_state.get(shown_key, PAGE_OF_IMAGES)
    items = [
        GalleryItem(
            thumbnail_url(dataset.id, i.sha256),
            i.class_name,
            name=i.name,
            href=image_url(dataset.id, i.sha256),
        )
        for i in images[:shown]
    ]
    st.html(gallery_html(items))
    if len(images) > shown and st.button(
        f"Show more ({count(len(images) - shown)} left)", key=f"more-{shown_key}"
    ):
        st.session_state[shown_key] = shown + 2 * PAGE_OF_IMAGES
        st.rerun()


def show_balance(dataset: DatasetRecord) -> None:
    chart(class_balance_chart(dataset.classes, dataset.counts), key=f"balance-{dataset.id}")


def _mixed(images: Sequence[ImageRecord]) -> list[ImageRecord]:
    """One of each class in turn, so that the first page shows them all."""
    by_class: dict[str, list[ImageRecord]] = {}
    for image in images:
        by_class.setdefault(image.class_name, []).append(image)
    longest = max(map(len, by_class.values()))
    return [group[i] for i in range(longest) for group in by_class.values() if i < len(group)]
