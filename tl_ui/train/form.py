"""Train form: thumbnails of the dataset, number of frozen stages, and the resulting `RunConfig`."""

import streamlit as st

from tl_core.config import DataConfig, RunConfig, make_run_config
from tl_core.data.splits import make_split
from tl_core.errors import TransferLabError
from tl_core.records import DatasetRecord, Split
from tl_core.runs.execute import settle
from tl_core.training.plan import make_plan
from tl_ui.caching import cached_by_person
from tl_ui.dataset_view import dataset_images, thumbnail_url
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.resources import get_workspace
from tl_ui.train.presets import current_start
from tl_ui.train.widgets import get_form

_STRIP = 6
"""Number of thumbnails."""


def show_strip(dataset: DatasetRecord) -> None:
    """Show a few thumbnails, spread over the dataset."""
    images = dataset_images(dataset.id)
    step = max(1, len(images) // _STRIP)
    some = images[::step][:_STRIP]
    items = [
        GalleryItem(thumbnail_url(dataset.id, image.sha256), image.class_name, name=image.name)
        for image in some
    ]
    st.html(gallery_html(items, side=48, captions=False))


# A dataset never changes, so its split follows from these settings.
@cached_by_person(48)
def split_of(data: DataConfig) -> Split:
    return make_split(dataset_images(data.dataset_id), data)


def keep_depth_within(n_stages: int) -> None:
    """Adapt the number of frozen stages, which may be another backbone's."""
    form = get_form()
    if form["pretrained"]:
        form["frozen_stages"] = within(form["frozen_stages"], n_stages)


def frozen_count(frozen_stages: int | str, n_stages: int) -> int:
    """Return the number of frozen stages; a negative setting counts trained stages from the end."""
    if frozen_stages == "all":
        return n_stages
    n = int(frozen_stages)
    return max(0, min(n_stages, n if n >= 0 else n_stages + n))


def within(frozen_stages: int | str, n_stages: int) -> int | str:
    """Adapt the setting of another backbone to one with `n_stages`."""
    if frozen_stages == "all" or -n_stages <= int(frozen_stages) <= n_stages:
        return frozen_stages
    return "all" if int(frozen_stages) > 0 else 0


def take_depth(n_stages: int, place: int) -> None:
    """Set the number of frozen stages, counted from the image."""
    # At the preset's place the setting gets the preset's own value, such as -2 for 7 of 9 stages:
    # then the page reports no change.
    own = current_start().config.model.frozen_stages
    depth: int | str = place
    if frozen_count(own, n_stages) == place:
        depth = own
    elif place == n_stages:
        depth = "all"
    get_form()["frozen_stages"] = depth


def make_config(dataset_id: str) -> tuple[RunConfig | None, str]:
    """Return the settings of a run, or None and one sentence on what is invalid."""
    try:
        dataset = get_workspace().store.get_dataset(dataset_id)
        config = settle(make_run_config(dataset_id, get_form()), dataset)
        # Both raise on settings that do not fit together or do not fit the dataset.
        make_plan(config)
        split_of(config.data)
    except TransferLabError as error:
        return None, str(error)
    return config, ""
