"""Images of other datasets are found by content, and no dataset is listed in vain."""

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
    for name, files in [
        ("one", good_files({"a": 3, "b": 3})),
        ("two", good_files({"a": 3, "c": 4})),
    ]:
        source = source_from_path(folder(root / "in" / name, files))
        made[name] = (
            root / name,
            ingest_dataset(source, root / name, name=name, limits=LIMITS).images,
        )
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


def test_a_dataset_is_listed_once_and_when_its_image_comes_up(known, datasets):
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
    found, content = known.find(images[0].sha256), image_path(root, images[0]).read_bytes()
    assert found.link(content, tmp_path) and found.link(content, tmp_path)
    assert image_path(tmp_path, images[0]).samefile(image_path(root, images[0]))
    assert thumbnail_path(tmp_path, images[0].sha256).samefile(
        thumbnail_path(root, images[0].sha256)
    )


def test_what_cannot_be_linked_is_said(known, datasets, tmp_path):
    root, images = datasets["one"]
    found, content = known.find(images[0].sha256), image_path(root, images[0]).read_bytes()
    assert not found.link(content, tmp_path / "nowhere")
    assert not found.link(b"other", root)
