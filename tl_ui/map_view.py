"""Parts that the embedding maps of several pages share: explanations, thumbnails, selection."""

from collections.abc import Sequence

import streamlit as st

from tl_core.evaluation.sampling import sample_evenly
from tl_core.records import ImageRecord
from tl_core.text import count, number_of
from tl_ui.components.picker import picker
from tl_ui.dataset_view import thumbnail_url
from tl_ui.gallery import GalleryItem, gallery_html

MOST_CAUGHT = 60
"""Maximum number of images shown of a lasso selection."""
MEANING = {
    "pca": "PCA projects the features onto the two directions in which they vary most. "
    "Distances along each are right, though the two are drawn to different scales to fill the "
    "width; images that differ in other directions lie on top of each other.",
    "tsne": "t-SNE keeps each image next to those most like it, and nothing else. Neighbours are "
    "meaningful; the distance between two groups, their size and their density are not, and "
    "another seed would place them elsewhere.",
    "umap": "UMAP keeps each image next to those most like it, and preserves the global structure "
    "a little better than t-SNE. Distances between groups and their sizes still mean next to "
    "nothing.",
}
"""Explanation of what a map of each method shows, and what it does not."""
TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}


def pictures_of(
    dataset_id: str, images: Sequence[ImageRecord], positions: Sequence[int]
) -> tuple[str, str, list[str]] | None:
    """Return the start and end of the thumbnails' addresses and their digests.

    None if the dataset was deleted.
    """
    if not images:
        return None
    # The browser gets what all addresses share once; "@" occurs neither in ids nor in tokens.
    before, after = thumbnail_url(dataset_id, "@").split("@")
    return before, after, [images[position].sha256 for position in positions]


def show_caught(
    dataset_id: str,
    images: Sequence[ImageRecord],
    positions: Sequence[int],
    answers: Sequence[tuple[str, float] | None],
    key: str,
) -> int | None:
    """Show the images selected with the lasso; return the position of the one that is clicked.

    Args:
        positions: positions of the selected images.
        answers: predicted label (user text) and confidence of each, or None.
    """
    if not positions:
        st.caption(
            "Draw a line around points to see their images here, or click a single point. A double "
            "click clears the selection."
        )
        return None
    if not images:
        st.caption("The dataset was deleted, so its images cannot be shown.")
        return None
    drawn = drawn_evenly([images[position].class_name for position in positions])
    more = ""
    if len(drawn) < len(positions):
        more = f"; a stratified sample of {len(drawn)} is shown"
    st.markdown(f"**{number_of(len(positions), 'image')} chosen**{more}")
    items = [
        GalleryItem(
            thumbnail_url(dataset_id, image.sha256),
            image.class_name,
            *(answers[i] or (None, None)),
            name=image.name,
            pick=image.position,
        )
        for i, image in ((i, images[positions[i]]) for i in drawn)
    ]
    picked = picker(gallery_html(items, side=110), key=f"{key}-caught")
    return picked if picked in positions else None


def drawn_evenly(classes: Sequence[str]) -> list[int]:
    """Return the sorted indices of a stratified sample of at most `MOST_CAUGHT` images.

    Args:
        classes: class of each selected image.
    """
    labels = {name: label for label, name in enumerate(dict.fromkeys(classes))}
    return sample_evenly([labels[name] for name in classes], MOST_CAUGHT)


def sample_words(n: int, n_of: int, what: str) -> str:
    """Say how many images a map shows, as in "all 380 validation images"."""
    if n == n_of:
        return f"all {number_of(n, what)}"
    return f"{count(n)} of {number_of(n_of, what)}, a stratified sample"
