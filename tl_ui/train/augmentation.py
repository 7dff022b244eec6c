"""Data augmentation on the Train page: sets by kind of image, settings, and a preview."""

import base64
import io
import random
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st
from PIL import Image

from tl_core.backbones import get_backbone, preprocessing_for
from tl_core.config import AUGMENTATIONS, AugmentConfig, knob_help, make_run_config
from tl_core.data.augment import preview
from tl_core.data.images import image_path
from tl_core.errors import TransferLabError
from tl_core.glossary import GLOSSARY
from tl_core.presets import ANY_DATASET
from tl_core.records import DatasetRecord, ImageRecord, Preprocessing
from tl_ui.caching import cached_by_person
from tl_ui.dataset_view import dataset_images
from tl_ui.fields import field, place, take_changes
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.setting_labels import as_text, label
from tl_ui.train.widgets import AUGMENTATION, GROUPS, check, get_form, knob, knob_key

VARIANTS = 8
"""Number of augmented copies in the preview."""
KINDS = {
    "photos": "Photos",
    "documents": "Documents and digits (never mirrored)",
    "any-rotation": "Aerial and microscope images (any rotation)",
    "none": "None",
}
"""Titles of `AUGMENTATIONS`."""
_OWN = "own"
SLIDERS: dict[str, tuple[float, float, float]] = {
    "crop": (0.05, 1.0, 0.05),
    "rotation": (0.0, 180.0, 1.0),
    "colour": (0.0, 1.0, 0.05),
    "blur": (0.0, 1.0, 0.05),
    "erasing": (0.0, 1.0, 0.05),
}
"""Minimum, maximum and step of the settings that are sliders."""


def choose_kind() -> None:
    """Choose the augmentation set for the kind of image; its settings can be changed below."""
    current = kind_of(augment_config(get_form()))
    options = [*KINDS, _OWN] if current == _OWN else list(KINDS)
    st.selectbox(
        "Data augmentation",
        options,
        place(options, current),
        format_func=lambda name: KINDS.get(name, "As set under Hyperparameters"),
        key=field("augment-kind", current, _take_kind),
        help=GLOSSARY["augmentation"],
    )


def _take_kind(chosen: str) -> None:
    if config := AUGMENTATIONS.get(chosen):
        for name in GROUPS[AUGMENTATION]:
            value = getattr(config, name)
            # Numbers are text in the form, so that an invalid one stays visible.
            get_form()[name] = as_text(value) if name in SLIDERS else value


def kind_of(config: AugmentConfig | None) -> str:
    return next((name for name, known in AUGMENTATIONS.items() if known == config), _OWN)


def augment_config(form: Mapping[str, Any]) -> AugmentConfig | None:
    """Return the form's augmentation settings; None while one of them is invalid."""
    settings = {name: form[name] for name in GROUPS[AUGMENTATION]}
    try:
        return make_run_config(ANY_DATASET, settings).augment
    except TransferLabError:
        return None


def show_augmentation(dataset: DatasetRecord, start: AugmentConfig) -> None:
    """Show the settings beside their effect on one image, as a fragment that reruns alone.

    Args:
        start: settings that the form was filled with; the page reports changes since.
    """
    st.session_state["augment-shown"] = _shown_elsewhere(start)
    _show_fragment(dataset, start)


def _shown_elsewhere(start: AugmentConfig) -> tuple[object, ...]:
    """Return the state of these settings that other parts of the page show."""
    config = augment_config(get_form())
    return kind_of(config), config == start, config is not None and config.is_on


@st.fragment
def _show_fragment(dataset: DatasetRecord, start: AugmentConfig) -> None:
    take_changes()
    settings, pictures = st.columns([2, 3], gap="large")
    with settings:
        for name in GROUPS[AUGMENTATION]:
            _setting(name)
    config = augment_config(get_form())
    with pictures:
        if config is not None:
            _show_variants(dataset, config)
    # The rest of the page is drawn again only if it now shows something outdated.
    if _shown_elsewhere(start) != st.session_state["augment-shown"]:
        st.rerun()


def _setting(name: str) -> None:
    if name not in SLIDERS:
        knob(name)
        return
    low, high, step = SLIDERS[name]
    value = get_form()[name]
    if check(name, value) or not low <= float(value) <= high:
        # A slider cannot show a value outside its range.
        knob(name)
        return
    st.slider(
        label(name),
        low,
        high,
        float(value),
        step=step,
        key=field(knob_key(name), float(value), partial(_take_slider, name)),
        help=literal(knob_help(name)),
    )


def _take_slider(name: str, value: float) -> None:
    get_form()[name] = as_text(value)


def _show_variants(dataset: DatasetRecord, config: AugmentConfig) -> None:
    images = dataset_images(dataset.id)
    place = st.session_state.setdefault(f"augment-image-{dataset.id}", 0) % len(images)
    image = images[place]
    try:
        pictures = variants(dataset.id, image, _preprocessing(dataset), config)
    # The dataset may be deleted while its page is open.
    except (TransferLabError, OSError) as error:
        st.warning(literal(str(error)))
        return
    class_name = literal(image.class_name)
    if config.is_on:
        st.markdown(f"**{VARIANTS} ways in which training may see this image** of {class_name}")
    else:
        st.markdown(f"**Without augmentation, training sees only this image** of {class_name}")
        pictures = pictures[:1]
    items = [GalleryItem(picture, image.class_name) for picture in pictures]
    st.html(gallery_html(items, side=112, captions=False))
    st.button(
        "Another image",
        icon=":material/shuffle:",
        on_click=_another,
        args=(dataset.id, len(images)),
        type="tertiary",
    )


def _another(dataset_id: str, n: int) -> None:
    st.session_state[f"augment-image-{dataset_id}"] = random.randrange(n)


def _preprocessing(dataset: DatasetRecord) -> Preprocessing:
    form = get_form()
    text = str(form["image_size"]).strip()
    own = preprocessing_for(get_backbone(form["backbone"]), int(text) if text else None)
    return replace(own, levels=dataset.levels)


# The script runs again after every change, but these pictures depend on few settings.
@cached_by_person(128)
def variants(
    dataset_id: str, image: ImageRecord, pre: Preprocessing, config: AugmentConfig
) -> tuple[str, ...]:
    """Augment an image `VARIANTS` times, as data URLs."""
    workspace = get_workspace()
    file = image_path(workspace.artifacts.dataset_folder(dataset_id), image)
    pictures = preview(
        file, pre, config, n=VARIANTS, max_pixels=workspace.settings.limits.max_pixels
    )
    return tuple(map(_data_url, pictures))


def _data_url(picture: Image.Image) -> str:
    # Sent inside the page, since a preview is in no folder that a route could serve.
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
