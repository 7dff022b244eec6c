"""The Train page's form: what it is about, how much stays frozen, and the settings of a run that it makes."""

from functools import lru_cache, partial

import streamlit as st

from tl_core.config import DataConfig, RunConfig, make_run_config
from tl_core.data.splits import make_split
from tl_core.errors import TransferLabError
from tl_core.glossary import GLOSSARY
from tl_core.records import DatasetRecord, Split
from tl_core.runs.execute import settle
from tl_core.training.plan import make_plan
from tl_ui.dataset_view import dataset_images, thumbnail_url
from tl_ui.fields import field
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.resources import get_workspace
from tl_ui.train.presets import current_start
from tl_ui.train.widgets import get_form

_STRIP = 8


def show_strip(dataset: DatasetRecord) -> None:
    """A few thumbnails, as a reminder of what is about to be learned."""
    images = dataset_images(dataset.id)
    some = images[:: max(1, len(images) // _STRIP)][:_STRIP]
    items = [
        GalleryItem(thumbnail_url(dataset.id, image.sha256), image.class_name, name=image.name)
        for image in some
    ]
    st.html(gallery_html(items, side=60, captions=False))


@lru_cache(maxsize=16)
def split_of(data: DataConfig) -> Split:
    return make_split(dataset_images(data.dataset_id), data)


def choose_depth(n_stages: int) -> None:
    """The freeze handle: the number of stages, from the image, that stay as they are at the end."""
    form = get_form()
    if not form["pretrained"]:
        st.caption("Starting from random weights, there is nothing to keep: every stage learns.")
        return
    form["frozen_stages"] = within(form["frozen_stages"], n_stages)
    by_layers = bool(str(form["frozen_layers"]).strip())
    place = frozen_count(form["frozen_stages"], n_stages)
    at_end = " at the end" if form["unfreeze"] != "never" else ""
    why = " (the number of frozen layers, under Every setting, says more)" if by_layers else ""
    st.slider(
        f"Frozen stages{at_end}, counted from the image{why}",
        0,
        n_stages,
        key=field("freeze-slider", place, partial(_take_depth, n_stages)),
        disabled=by_layers,
        help=f"{GLOSSARY['freeze']} {GLOSSARY['stage']}",
    )


def frozen_count(frozen_stages: int | str, n_stages: int) -> int:
    """Of a backbone with so many stages."""
    if frozen_stages == "all":
        return n_stages
    n = int(frozen_stages)
    return max(0, min(n_stages, n if n >= 0 else n_stages + n))


def within(frozen_stages: int | str, n_stages: int) -> int | str:
    """What another backbone was frozen to, as far as this one has stages."""
    if frozen_stages == "all" or -n_stages <= int(frozen_stages) <= n_stages:
        return frozen_stages
    return "all" if int(frozen_stages) > 0 else 0


def _take_depth(n_stages: int, place: int) -> None:
    """The handle is back where the preset has it: so is the setting, in the preset's own way of counting."""
    own = current_start().config.model.frozen_stages
    depth = "all" if place == n_stages else place
    is_own = frozen_count(own, n_stages) == place
    get_form()["frozen_stages"] = own if is_own else depth


def make_config(dataset_id: str) -> tuple[RunConfig | None, str]:
    """The form's settings as those of a run, or what is wrong with them, in one sentence."""
    try:
        config = settle(
            make_run_config(dataset_id, get_form()), get_workspace().store.get_dataset(dataset_id)
        )
        make_plan(config)
        split_of(config.data)
    except TransferLabError as error:
        return None, str(error)
    return config, ""
