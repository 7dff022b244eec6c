"""What the maps of images on several pages share: their pictures, what they mean, the gallery of what was caught."""

from collections.abc import Sequence

import streamlit as st

from tl_core.evaluation.sampling import sample_evenly
from tl_core.records import ImageRecord
from tl_core.text import count, number_of
from tl_ui.dataset_view import image_url, thumbnail_url
from tl_ui.gallery import GalleryItem, gallery_html

MOST_CAUGHT = 60
"""Pictures shown of what the lasso caught."""
MEANING = {
    "pca": "PCA looks at the features from the two directions in which they differ most. Distances can be trusted as "
    "far as these two directions go; what differs in others lies on top of each other here.",
    "tsne": "t-SNE keeps each image next to those most like it, and nothing else. Who lies beside whom means "
    "something; how far apart two groups lie, how big or how dense they are means nothing, and another seed would put "
    "them elsewhere.",
    "umap": "UMAP keeps each image next to those most like it, and the larger order a little better than t-SNE does. "
    "Distances between groups and their sizes still say next to nothing.",
}
"""What a map of each method says, and what it does not."""
TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}


def pictures_of(
    dataset_id: str, images: Sequence[ImageRecord], positions: Sequence[int]
) -> tuple[str, str, list[str]] | None:
    """Thumbnails for a map; None where the dataset was deleted."""
    if not images:
        return None
    before, after = thumbnail_url(dataset_id, "@").split("@")
    return before, after, [images[position].sha256 for position in positions]


def show_caught(
    dataset_id: str,
    images: Sequence[ImageRecord],
    positions: Sequence[int],
    answers: Sequence[tuple[str, float] | None],
) -> None:
    """The images that the lasso caught.

    Args:
        positions: of them.
        answers: the model's answer to each, user text, and its confidence, where there is one.
    """
    if not positions:
        st.caption(
            "Draw a line around points to see their images here; click a point for one. A double click clears."
        )
        return
    if not images:
        st.caption("The dataset was deleted, so its images cannot be shown.")
        return
    drawn = drawn_evenly([images[position].class_name for position in positions])
    more = (
        f"; {len(drawn)} of them, drawn so that each class keeps its share"
        if len(drawn) < len(positions)
        else ""
    )
    st.markdown(f"**{number_of(len(positions), 'image')} chosen**{more}")
    items = [
        GalleryItem(
            thumbnail_url(dataset_id, image.sha256),
            image.class_name,
            *(answers[i] or (None, None)),
            name=image.name,
            href=image_url(dataset_id, image.sha256),
        )
        for i, image in ((i, images[positions[i]]) for i in drawn)
    ]
    st.html(gallery_html(items, side=110))


def drawn_evenly(classes: Sequence[str]) -> list[int]:
    """Places of at most `MOST_CAUGHT` images, in order, each class with its share of them.

    Args:
        classes: of all that were caught.
    """
    labels = {name: label for label, name in enumerate(dict.fromkeys(classes))}
    return sample_evenly([labels[name] for name in classes], MOST_CAUGHT)


def sample_words(n: int, n_of: int, what: str) -> str:
    """`all 380 validation images`, or how many of them a map shows."""
    if n == n_of:
        return f"all {number_of(n, what)}"
    return f"{count(n)} of {number_of(n_of, what)}, drawn so that each class keeps its share"
