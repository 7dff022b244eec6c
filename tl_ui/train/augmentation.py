"""Augmentation: a set for the kind of image, its settings, and what they do to one of the person's own images."""

import base64
import io
import random
from collections.abc import Mapping
from functools import lru_cache, partial
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
from tl_ui.dataset_view import dataset_images
from tl_ui.fields import field, take_changes
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.train.widgets import GROUPS, as_text, check, get_form, knob, knob_key, label

VARIANTS = 8
KINDS = {
    "photos": "Photos",
    "documents": "Documents and digits (never mirrored)",
    "any-rotation": "Aerial and microscope images (any rotation)",
    "none": "None",
}
"""What to call each of `AUGMENTATIONS`."""
_OWN = "own"
SLIDERS: dict[str, tuple[float, float, float]] = {
    "crop": (0.05, 1.0, 0.05),
    "rotation": (0.0, 180.0, 1.0),
    "colour": (0.0, 1.0, 0.05),
    "blur": (0.0, 1.0, 0.05),
    "erasing": (0.0, 1.0, 0.05),
}
"""Lowest, highest and step of the settings that are a matter of degree."""


def choose_kind() -> None:
    """The set that suits the kind of image; all its settings can be changed further down."""
    current = kind_of(augment_config(get_form()))
    options = [*KINDS, _OWN] if current == _OWN else list(KINDS)
    st.selectbox(
        "Augmentation",
        options,
        format_func=lambda name: KINDS.get(name, "As set under Every setting"),
        key=field("augment-kind", current, _take_kind),
        help=GLOSSARY["augmentation"],
    )


def _take_kind(chosen: str) -> None:
    if config := AUGMENTATIONS.get(chosen):
        for name in GROUPS["Augmentation"]:
            value = getattr(config, name)
            get_form()[name] = as_text(value) if name in SLIDERS else value


def kind_of(config: AugmentConfig | None) -> str:
    return next((name for name, known in AUGMENTATIONS.items() if known == config), _OWN)


def augment_config(form: Mapping[str, Any]) -> AugmentConfig | None:
    """What the form says; None while something in it is not possible."""
    settings = {name: form[name] for name in GROUPS["Augmentation"]}
    try:
        return make_run_config(ANY_DATASET, settings).augment
    except TransferLabError:
        return None


def show_augmentation(dataset: DatasetRecord, start: AugmentConfig) -> None:
    """The settings beside what they do to one image. A change here runs only this again.

    Args:
        start: what the form was filled with; whether that is still so, the page says elsewhere.
    """
    st.session_state["augment-told"] = _told_elsewhere(start)
    _part(dataset, start)


def _told_elsewhere(start: AugmentConfig) -> tuple[object, ...]:
    config = augment_config(get_form())
    return kind_of(config), config == start, config is not None and config.is_on


@st.fragment
def _part(dataset: DatasetRecord, start: AugmentConfig) -> None:
    take_changes()
    settings, pictures = st.columns([2, 3], gap="large")
    with settings:
        for name in GROUPS["Augmentation"]:
            _setting(name)
    config = augment_config(get_form())
    with pictures:
        if config is not None:
            _show_variants(dataset, config)
    if _told_elsewhere(start) != st.session_state["augment-told"]:
        st.rerun()


def _setting(name: str) -> None:
    if name not in SLIDERS:
        knob(name)
        return
    low, high, step = SLIDERS[name]
    value = get_form()[name]
    if check(name, value) or not low <= float(value) <= high:
        knob(name)  # a value that the slider has no place for
        return
    st.slider(
        label(name),
        low,
        high,
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
        pictures = variants(dataset.id, image, _preprocessing(), config)
    except (TransferLabError, OSError) as error:
        st.warning(literal(str(error)))
        return
    if config.is_on:
        st.markdown(
            f"**{VARIANTS} ways in which training may see this image** of {literal(image.class_name)}"
        )
    else:
        st.markdown(
            f"**Without augmentation, training always sees this image** of {literal(image.class_name)} **so**"
        )
    items = [
        GalleryItem(picture, image.class_name)
        for picture in (pictures if config.is_on else pictures[:1])
    ]
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


def _preprocessing() -> Preprocessing:
    form = get_form()
    size = form["image_size"]
    return preprocessing_for(
        get_backbone(form["backbone"]), int(size) if str(size).strip() else None
    )


@lru_cache(maxsize=64)
def variants(
    dataset_id: str, image: ImageRecord, pre: Preprocessing, config: AugmentConfig
) -> tuple[str, ...]:
    """What training would see of an image, `VARIANTS` times, as addresses that hold the picture themselves."""
    workspace = get_workspace()
    file = image_path(workspace.artifacts.dataset_folder(dataset_id), image)
    pictures = preview(
        file, pre, config, n=VARIANTS, max_pixels=workspace.settings.limits.max_pixels
    )
    return tuple(map(_as_address, pictures))


def _as_address(picture: Image.Image) -> str:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
