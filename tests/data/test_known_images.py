"""Images of other datasets are found by content, and datasets are listed only when needed."""

import pytest
from making import LIMITS, folder, good_files

from tl_core.data.images import image_path, thumbnail_path
from tl_core.data.ingest import ingest_dataset
from tl_core.data.known_images import KnownImages
from tl_core.data.paths import source_from_path


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Folder and images of two datasets that share their class "a"."""
    root = tmp_path_factory.mktemp("datasets")
    made = {}
    for name, counts in [("one", {"a": 3, "b": 3}), ("two", {"a": 3, "c": 4})]:
        source = source_from_path(folder(root / "in" / name, good_files(counts)))
        ingested = ingest_dataset(source, root / name, name=name, limits=LIMITS)
        made[name] = (root / name, ingested.images)
    return made


@pytest.fixture
def known(datasets):
    listed = []

    def list_images(dataset_id):
        listed.append(dataset_id)
        return datasets[dataset_id][1]

    images = KnownImages({name: root for name, (root, _) in datasets.items()}, list_images)
    images.listed = listed
    return images


def test_a_dataset_is_listed_once_when_its_image_is_looked_up(known, datasets):
    assert known.find("0" * 64) is None and known.listed == []
    for image in datasets["one"][1]:
        found = known.find(image.sha256)
        assert (found.folder, found.record) == (datasets["one"][0], image)
    assert known.listed == ["one"]
    assert known.find(datasets["two"][1][-1].sha256).record.class_name == "c"
    assert known.listed == ["one", "two"]


def test_an_image_is_linked_with_its_thumbnail_as_often_as_asked(known, datasets, tmp_path):
    root, images = datasets["one"]
    for name in ("images", "thumbnails"):
        (tmp_path / name).mkdir()
    image = images[0]
    found = known.find(image.sha256)
    content = image_path(root, image).read_bytes()
    assert found.link(content, tmp_path) and found.link(content, tmp_path)
    assert image_path(tmp_path, image).samefile(image_path(root, image))
    thumbnail = thumbnail_path(root, image.sha256)
    assert thumbnail_path(tmp_path, image.sha256).samefile(thumbnail)


def test_an_image_that_cannot_be_shared_returns_false(known, datasets, tmp_path):
    root, images = datasets["one"]
    found = known.find(images[0].sha256)
    content = image_path(root, images[0]).read_bytes()
    (tmp_path / "images").write_bytes(b"no folder")
    assert not found.link(content, tmp_path)
    assert not found.link(b"other", root)
