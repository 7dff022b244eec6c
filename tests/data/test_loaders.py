"""Batches hold the right pixels and labels in the given order, and loading leaves no threads."""

import threading
from dataclasses import replace

import pytest
import torch
from making import LIMITS, encode, folder, good_files, picture

from tl_core.cancellation import Stop
from tl_core.config import AugmentConfig
from tl_core.data.augment import apply_draws
from tl_core.data.images import image_path, open_rgb
from tl_core.data.ingest import ingest_dataset
from tl_core.data.loaders import iterate_batches, shuffled
from tl_core.data.paths import source_from_path
from tl_core.data.transforms import prepare
from tl_core.errors import Cancelled, ImageUnusable
from tl_core.records import Preprocessing

PRE = Preprocessing(16, 18, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic")
STRONG = AugmentConfig(
    crop=0.2, flip=True, rotation=30, colour=0.4, blur=0.5, erasing=0.5, policy="rand"
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Folder, images and labels of 50 images."""
    root = tmp_path_factory.mktemp("dataset")
    files = good_files({"a": 24, "b": 25}) | {
        "b/large.jpg": encode(picture(99, (603, 451)), "JPEG")
    }
    ingested = ingest_dataset(
        source_from_path(folder(root / "in", files)), root / "out", name="x", limits=LIMITS
    )
    labels = [ingested.record.classes.index(image.class_name) for image in ingested.images]
    return root / "out", ingested.images, labels


def batches(dataset, **options):
    return list(iterate_batches(*dataset, PRE, **{"batch_size": 16, **options}))


def pixels(results) -> torch.Tensor:
    return torch.cat([batch.images for batch in results])


def test_every_image_comes_once_in_order_and_the_last_batch_is_smaller(dataset):
    results = batches(dataset)
    assert [len(batch.positions) for batch in results] == [16, 16, 16, 2]
    assert [position for batch in results for position in batch.positions] == list(range(50))
    assert torch.cat([batch.labels for batch in results]).tolist() == dataset[2]
    assert results[0].images.shape == (16, 3, 16, 16)
    assert (results[0].images.dtype, results[0].labels.dtype) == (torch.uint8, torch.int64)


def test_pixels_are_those_of_the_prepared_file(dataset):
    root, images, _ = dataset
    small = [image for image in images if image.extension == "png"]
    shown = pixels(iterate_batches(root, small, [0] * len(small), PRE, batch_size=7))
    for image, tensor in zip(small, shown, strict=True):
        assert torch.equal(tensor, prepare(open_rgb(image_path(root, image), 10**6).pixels, PRE))


def test_a_draft_is_close_to_the_full_decode(dataset):
    root, images, _ = dataset
    pre = replace(PRE, size=64, resize=73)
    large = next(image for image in images if image.extension == "jpg")
    (batch,) = iterate_batches(root, [large], [0], pre, batch_size=1)
    full = prepare(open_rgb(image_path(root, large), 10**6).pixels, pre)
    assert 0 < (batch.images[0].float() - full.float()).abs().mean() < 1


@pytest.mark.parametrize("workers", [1, 4])
def test_augmentation_depends_on_seed_epoch_and_image_alone(dataset, workers):
    root, images, labels = dataset
    one = pixels(batches(dataset, augment=STRONG, augment_seed=(3, 1), workers=workers))
    order = shuffled(50, seed=0, epoch=0)
    reordered = root, [images[i] for i in order], [labels[i] for i in order]
    other = batches(reordered, batch_size=9, augment=STRONG, augment_seed=(3, 1))
    assert torch.equal(one[order], pixels(other))
    assert not torch.equal(one, pixels(batches(dataset, augment=STRONG, augment_seed=(3, 2))))
    assert not torch.equal(one, pixels(batches(dataset)))


def test_augmentation_on_the_device_gives_the_same_pixels(dataset):
    here = batches(dataset, augment=STRONG, augment_seed=(3, 1))
    there = batches(dataset, augment=STRONG, augment_seed=(3, 1), on_device=True)
    finished = torch.cat([apply_draws(batch.images, batch.draws) for batch in there])
    assert torch.equal(pixels(here), finished)
    assert not torch.equal(pixels(here), pixels(there))
    assert all(not batch.draws for batch in here)


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("options", [{"augment": STRONG}, {"augment_seed": (3, 1)}])
def test_without_a_seed_or_settings_images_are_not_augmented(dataset, options, on_device):
    plain = batches(dataset, on_device=on_device, **options)
    assert torch.equal(pixels(plain), pixels(batches(dataset)))
    assert all(not batch.draws for batch in plain)


def test_augmentation_with_everything_off_changes_no_pixel(dataset):
    off = batches(dataset, augment=AugmentConfig(), augment_seed=(3, 1))
    assert torch.equal(pixels(off), pixels(batches(dataset)))


def our_threads() -> list[threading.Thread]:
    return [
        thread for thread in threading.enumerate() if thread.name.startswith("transferlab-data")
    ]


def test_closing_midway_ends_the_threads(dataset):
    loading = iterate_batches(*dataset, PRE, batch_size=4)
    next(loading)
    assert our_threads()
    loading.close()
    assert not our_threads()


def test_it_stops_between_two_images_of_one_batch(dataset):
    asked = []

    def should_stop():
        asked.append(None)
        return len(asked) == 3

    with pytest.raises(Cancelled):
        batches(dataset, batch_size=len(dataset[1]), stop=Stop(should_stop))
    assert len(asked) == 3 < len(dataset[1])
    assert not our_threads()


def test_finishing_ends_the_threads(dataset):
    batches(dataset)
    assert not our_threads()


def test_a_stored_file_that_is_gone_is_named(dataset):
    root, images, labels = dataset
    with pytest.raises(ImageUnusable, match=images[0].name):
        list(iterate_batches(root / "elsewhere", images, labels, PRE, batch_size=4))
    assert not our_threads()


def test_no_images_are_no_batches(dataset):
    assert list(iterate_batches(dataset[0], [], [], PRE, batch_size=4)) == []


def test_labels_must_fit_images(dataset):
    with pytest.raises(ValueError, match="50 images but 0 labels"):
        next(iterate_batches(dataset[0], dataset[1], [], PRE, batch_size=4))


def test_orders_are_decided_by_seed_and_epoch():
    assert sorted(shuffled(20, 0, 0)) == list(range(20))
    assert shuffled(20, 0, 0) == shuffled(20, 0, 0)
    assert len({tuple(shuffled(20, seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
