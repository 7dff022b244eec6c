"""A dataset on every page that has one: its choice, its size, its images and their addresses."""

from collections import Counter
from collections.abc import Sequence

from tl_core.config import DataConfig
from tl_core.data.splits import make_split
from tl_core.records import DatasetRecord, ImageRecord, Split
from tl_core.text import count, isolated, number_of, percent
from tl_ui.address_select import choose_by_address
from tl_ui.caching import cached_by_person
from tl_ui.components.assets import url_base
from tl_ui.markdown import literal
from tl_ui.owners import own_first, owners_of
from tl_ui.people import current_person
from tl_ui.resources import get_tokens, get_workspace

_MOST_IMAGES = 300_000
"""Records of images that are kept in memory, of all datasets that are looked at."""


def _weigh(images: Sequence[ImageRecord]) -> int:
    # A dataset that alone is larger is kept alone.
    return min(_MOST_IMAGES, max(1, len(images)))


@cached_by_person(_MOST_IMAGES, weigh=_weigh)
def dataset_images(dataset_id: str) -> tuple[ImageRecord, ...]:
    """Return the images of a dataset; caching is safe, since a dataset never changes."""
    return tuple(get_workspace().store.list_images(dataset_id))


@cached_by_person(48)
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
    uses = Counter(dataset.name for dataset in datasets)
    person_id = current_person().id
    owners = owners_of(dataset.owner for dataset in datasets)
    names = {}
    for dataset in own_first(datasets):
        names[dataset.id] = isolated(dataset.name)
        # Datasets of one name are told apart by their sizes, which a page says elsewhere.
        if uses[dataset.name] > 1:
            size = f"{number_of(dataset.n, 'image')}, {len(dataset.classes)} classes"
            names[dataset.id] += f" ({size})"
        if dataset.owner != person_id and dataset.owner in owners:
            names[dataset.id] += f", {owners[dataset.owner]}"
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
