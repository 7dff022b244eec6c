"""Overview of a dataset: size, class balance, unusable files, sample images and split."""

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
    """Return the images of a dataset; caching is safe, since a dataset never changes."""
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
    """Show a drop-down that is synchronised with the parameter `dataset` of the address."""
    names = {
        d.id: f"{isolated(d.name)} ({number_of(d.n, 'image')}, {len(d.classes)} classes)"
        for d in datasets
    }
    chosen = choose_by_address("Dataset", names, "dataset")
    return next(dataset for dataset in datasets if dataset.id == chosen)


def describe(dataset: DatasetRecord) -> str:
    """Return the size and the class balance in one or two sentences of Markdown."""
    labels = range(len(dataset.classes))
    most = max(labels, key=dataset.counts.__getitem__)
    least = min(labels, key=dataset.counts.__getitem__)
    text = f"**{number_of(dataset.n, 'image')} in {len(dataset.classes)} classes.** "
    if dataset.counts[most] == dataset.counts[least]:
        return text + f"Each class has {dataset.counts[most]}."
    return text + (
        f"The largest, {literal(dataset.classes[most])}, has {count(dataset.counts[most])} "
        f"({percent(dataset.counts[most] / dataset.n)}); the smallest, "
        f"{literal(dataset.classes[least])}, has {count(dataset.counts[least])}."
    )


def show_left_out(skipped: Sequence[SkippedFile]) -> None:
    """Show the files that could not be used with the reason for each, and offer them as CSV."""
    if not skipped:
        st.markdown(":material/check_circle: Every file could be used; nothing was left out.")
        return
    verb = "was" if len(skipped) == 1 else "were"
    files = f"{number_of(len(skipped), 'file')} {verb} left out"
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
            # A download changes nothing on the page, so the script need not run again.
            on_click="ignore",
        )


def show_split(dataset: DatasetRecord) -> None:
    """Show the sizes of the default split and warn about classes that a side lacks."""
    try:
        split = default_split(dataset.id)
    except TransferLabError as error:
        st.warning(literal(str(error)))
        return
    meaning = f"{GLOSSARY['validation']} {GLOSSARY['test set']}"
    st.subheader("Train, validation and test split", help=meaning)
    st.markdown(
        f"**{count(len(split.train))}** images to learn from (training), "
        f"**{count(len(split.val))}** to check on after every epoch (validation), "
        f"**{count(len(split.test))}** held out for a single test at the end. "
        "Copies of the same file always stay on one side."
    )
    if split.warnings:
        warnings = "\n\n".join(literal(warning) for warning in split.warnings)
        st.warning(warnings, icon=":material/warning:")


def show_gallery(dataset: DatasetRecord) -> None:
    """Show thumbnails of one class or of all, a page at a time."""
    st.subheader("Sample images")
    st.markdown("Check that each image shows what its class says.")
    everything = "All classes"
    chosen = st.selectbox(
        "Class", [everything, *dataset.classes], format_func=isolated, key=f"class-{dataset.id}"
    )
    images: Sequence[ImageRecord] = dataset_images(dataset.id)
    if chosen == everything:
        images = _mixed(images)
    else:
        images = [image for image in images if image.class_name == chosen]
    # Counted by class, so that each class begins with one page of images.
    shown_key = f"shown-{dataset.id}-{chosen}"
    shown = st.session_state.get(shown_key, PAGE_OF_IMAGES)
    items = [
        GalleryItem(
            thumbnail_url(dataset.id, image.sha256),
            image.class_name,
            name=image.name,
            href=image_url(dataset.id, image.sha256),
        )
        for image in images[:shown]
    ]
    # Not `st.image`, which loads all pictures at once and serves them without a token.
    st.html(gallery_html(items))
    more = f"Show more ({count(len(images) - shown)} left)"
    if len(images) > shown and st.button(more, key=f"more-{shown_key}"):
        st.session_state[shown_key] = shown + 2 * PAGE_OF_IMAGES
        st.rerun()


def show_balance(dataset: DatasetRecord) -> None:
    """Draw the number of images per class."""
    st.subheader("Class balance")
    st.markdown("Few images in a class make its predictions less reliable.")
    chart(class_balance_chart(dataset.classes, dataset.counts), key=f"balance-{dataset.id}")


def _mixed(images: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Take one image of each class in turn, so that the first page shows as many as it can."""
    by_class: dict[str, list[ImageRecord]] = {}
    for image in images:
        by_class.setdefault(image.class_name, []).append(image)
    longest = max(map(len, by_class.values()))
    return [group[i] for i in range(longest) for group in by_class.values() if i < len(group)]
