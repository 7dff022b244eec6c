"""Page of a run that somebody else has published: its figures, curves and matrix."""

import streamlit as st

from tl_core.records import Run
from tl_core.runs.summary import class_names, headline, recipe_words, seconds_taken
from tl_core.text import duration, number_of, shorten
from tl_ui.components.assets import url_base
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.markdown import literal, whole_figures
from tl_ui.navigation import link
from tl_ui.people import name_of
from tl_ui.resources import get_tokens, get_workspace
from tl_ui.run.annotations import run_title
from tl_ui.run.confusion_matrix import show_matrix
from tl_ui.run.evaluation import show_classes
from tl_ui.run.images import predictions_after
from tl_ui.run.overview import show_learning_curves
from tl_ui.run.phases import phase_rows
from tl_ui.run.results import show_figures
from tl_ui.run.settings import settings, settings_html


def show_published(run: Run) -> None:
    """Draw what the owner of a run shows to everyone; nothing here changes the run."""
    st.title(literal(shorten(run_title(run), 80)), anchor=False)
    parts = [f"published by **{literal(shorten(name_of(run.owner), 60))}**"]
    parts += [literal(recipe_words(run.config)), number_of(run.config.train.epochs, "epoch")]
    if (taken := seconds_taken(run)) is not None:
        parts.append(f"took {duration(taken)}")
    st.markdown(" · ".join(parts))
    if run.result:
        st.header(whole_figures(headline(run.result)), anchor=False)
    link("train", "Train with these settings", icon=":material/model_training:", like=run.id)
    show_figures(run)
    _show_matrix(run)
    show_learning_curves(run)
    _show_samples(run)
    with st.expander("Training settings", icon=":material/tune:"):
        # Without fingerprints of the images, which would tell who else has the same ones.
        st.html(settings_html(settings(run), phase_rows(run)))


def _show_matrix(run: Run) -> None:
    _, predictions = predictions_after(run.id, "test", run.epochs_done)
    if not predictions or not all(p.is_number for p in predictions):
        return
    # As on the page of its owner: the table of the classes is wider than most matrices.
    left, right = st.columns([9, 11], gap="large")
    with left:
        show_matrix(run, "test", predictions)
    with right:
        show_classes(run, predictions, "test", opens=False)


def _show_samples(run: Run) -> None:
    images = get_workspace().store.list_sample_images(run.id) if run.shows_images else []
    if not images:
        return
    _, predictions = predictions_after(run.id, "test", run.epochs_done)
    answers = {prediction.position: prediction for prediction in predictions}
    names = class_names(run, len(predictions[0].probabilities))
    items = [
        GalleryItem(
            sample_url(run.id, image.sha256),
            image.class_name,
            names[answers[image.position].predicted],
            answers[image.position].confidence,
        )
        for image in images
        if image.position in answers
    ]
    st.subheader("Sample images", anchor=False)
    st.caption("Some of its test images, from which it did not learn, and what it says to them.")
    st.html(gallery_html(items, side=150))


def sample_url(run_id: str, sha256: str) -> str:
    """Return the address of the thumbnail of an image that is shown with a published run."""
    token = get_tokens().sign("run", run_id)
    return f"{url_base()}/api/runs/{run_id}/samples/{sha256}?token={token}"
