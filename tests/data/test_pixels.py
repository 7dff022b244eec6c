"""Decoded images are cached once, and the cache does not change any pixel."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from making import LIMITS, encode, folder, picture
from PIL import ExifTags, Image

from tl_core.cache import RowCache
from tl_core.config import AugmentConfig
from tl_core.data.images import image_path
from tl_core.data.ingest import ingest_dataset
from tl_core.data.loaders import iterate_batches
from tl_core.data.paths import source_from_path
from tl_core.data.pixels import Form
from tl_core.records import Preprocessing

PRE = Preprocessing(16, 18, (0.5,) * 3, (0.5,) * 3, "bicubic")
MB = 2**20
WAYS = {
    "evaluation": {},
    "crops": {"augment": AugmentConfig(crop=0.5, flip=True, rotation=20), "augment_seed": (1, 2)},
    "varied but not cropped": {
        "augment": AugmentConfig(flip=True, colour=0.3),
        "augment_seed": (1, 2),
    },
    "left to the device": {
        "augment": AugmentConfig(flip=True),
        "augment_seed": (1, 2),
        "on_device": True,
    },
}


@pytest.fixture
def dataset(tmp_path: Path):
    """Folder, images and labels of 22 images: small, large, turned, and one of them twice."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    large = encode(picture(99, (603, 451)), "JPEG")
    small = {f"{'ab'[seed % 2]}/{seed}.png": encode(picture(seed, (48, 36))) for seed in range(18)}
    files = small | {
        "a/large.jpg": large,
        "a/twice.jpg": large,
        "a/turned.jpg": encode(picture(70, (300, 200)), "JPEG", exif=exif),
        "b/long.png": encode(picture(50, (30, 300))),
    }
    source = source_from_path(folder(tmp_path / "in", files))
    ingested = ingest_dataset(source, tmp_path / "out", name="x", limits=LIMITS)
    labels = [ingested.record.classes.index(image.class_name) for image in ingested.images]
    return tmp_path / "out", ingested.images, labels


@pytest.fixture
def cache(tmp_path: Path) -> RowCache:
    return RowCache(tmp_path / "cache", max_bytes=MB, keep_free=0)


def read(dataset, order=None, **options) -> tuple[torch.Tensor, list]:
    root, images, labels = dataset
    chosen = range(len(images)) if order is None else order
    chosen_images = [images[i] for i in chosen]
    chosen_labels = [labels[i] for i in chosen]
    batches = list(
        iterate_batches(root, chosen_images, chosen_labels, PRE, batch_size=5, **options)
    )
    draws = [draws for batch in batches for draws in batch.draws]
    return torch.cat([batch.images for batch in batches]), draws


def delete_images(dataset) -> None:
    root, images, _ = dataset
    for image in images:
        image_path(root, image).unlink(missing_ok=True)


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_pixels_from_the_cache_are_those_of_the_file(dataset, cache: RowCache, options):
    pixels, draws = read(dataset, **options)
    filling, _ = read(dataset, cache=cache, **options)
    assert torch.equal(filling, pixels)
    delete_images(dataset)
    again, drawn_again = read(dataset, cache=cache, **options)
    assert torch.equal(again, pixels)
    assert drawn_again == draws
    order = np.random.default_rng(0).permutation(len(pixels))
    assert torch.equal(read(dataset, order, cache=cache, **options)[0], pixels[order])


def test_missing_images_are_decoded_and_added(dataset, cache: RowCache):
    pixels, _ = read(dataset)
    first = list(range(10))
    read(dataset, first, cache=cache)
    before = cache.bytes_kept()
    assert torch.equal(read(dataset, cache=cache)[0], pixels)
    complete = cache.bytes_kept()
    assert complete > before
    read(dataset, cache=cache)
    assert cache.bytes_kept() == complete, "no image is cached twice"


def test_large_sets_are_written_block_by_block(
    dataset, cache: RowCache, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tl_core.data.pixels._BLOCK_BYTES", 5 * 3 * PRE.size**2)
    pixels, _ = read(dataset, cache=cache)
    delete_images(dataset)
    assert torch.equal(read(dataset, cache=cache)[0], pixels)
    assert len(list(cache._folder.glob("*/*.rows"))) == 5


def test_a_dataset_that_does_not_fit_is_read_without_the_cache(dataset, tmp_path: Path):
    small = RowCache(tmp_path / "small", max_bytes=20 * 3 * PRE.size**2, keep_free=0)
    assert torch.equal(read(dataset, cache=small)[0], read(dataset)[0])
    assert small.bytes_kept() == 0


def test_images_that_decoding_does_not_reduce_are_not_cached(dataset, cache: RowCache):
    root, images, labels = dataset
    enlarged = replace(PRE, size=48, resize=48)
    list(iterate_batches(root, images, labels, enlarged, batch_size=5, cache=cache))
    found = cache.shelf(Form(enlarged).recipe).find([image.sha256 for image in images])
    assert found == [image.width * image.height > 48**2 for image in images]
    assert any(found) and not all(found)


def test_images_of_a_damaged_cache_file_are_decoded_again(dataset, cache: RowCache, tmp_path: Path):
    pixels, _ = read(dataset, cache=cache)
    for path in cache._folder.glob("*/*.rows"):
        os.truncate(path, path.stat().st_size - 1)
    assert torch.equal(read(dataset, cache=RowCache(tmp_path / "cache", MB))[0], pixels)


@pytest.mark.parametrize(
    "other",
    [replace(PRE, size=17), replace(PRE, resize=19), replace(PRE, interpolation="bilinear")],
)
@pytest.mark.parametrize("crop", [1.0, 0.5])
def test_settings_that_change_pixels_change_the_recipe(other: Preprocessing, crop: float):
    assert Form(other, crop).recipe != Form(PRE, crop).recipe
    assert Form(replace(PRE, mean=(0.1,) * 3), crop).recipe == Form(PRE, crop).recipe


def test_images_are_reduced_as_far_as_their_smallest_crop_allows(tmp_path: Path):
    path = tmp_path / "image.png"
    picture(0, (400, 300)).save(path)
    pre = replace(PRE, size=100, resize=110)
    assert Form(pre).decode(path, 10**6).shape == (100, 100, 3)
    assert Form(pre, 0.25).decode(path, 10**6).shape == (200, 267, 3)
    assert Form(pre, 0.95).decode(path, 10**6).shape == (110, 147, 3)
    assert Form(pre, 0.01).decode(path, 10**6).shape == (300, 400, 3)
