"""Examples of a training loop: a new order each epoch, equal for images and activations."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from tl_core.cancellation import Stop
from tl_core.config import PHOTOS
from tl_core.errors import Cancelled
from tl_core.features import FeatureExamples, ImageExamples
from tl_core.records import DatasetRecord, Preprocessing
from tl_core.workspace import Workspace

SMALL = Preprocessing(8, 8, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")


@pytest.fixture
def examples(workspace: Workspace, colours: DatasetRecord) -> ImageExamples:
    images = workspace.store.list_images(colours.id)
    folder, labels = (
        workspace.artifacts.dataset_folder(colours.id),
        [i % 3 for i in range(len(images))],
    )
    return ImageExamples(
        folder, images, labels, SMALL, 7, torch.device("cpu"), seed=5, augment=PHOTOS
    )


def features_of(images: ImageExamples, activations: torch.Tensor) -> FeatureExamples:
    positions = [image.position for image in images.images]
    labels, size, device = torch.tensor(images.labels), images.batch_size, images.device
    return FeatureExamples(
        activations, labels, positions, size, device, images.seed, images.balance
    )


def test_every_epoch_draws_one_kept_view_of_each_image(examples: ImageExamples):
    n = len(examples)
    # Each activation says which view and image it is.
    activations = torch.arange(3)[:, None, None] * 1000.0 + torch.arange(n)[None, :, None]
    kept = features_of(examples, activations)
    seen: list[dict[int, int]] = []
    for epoch in range(1, 9):
        drawn: dict[int, int] = {}
        for batch in kept.epoch(epoch):
            assert len(batch.labels) == 7 or len(drawn) + len(batch.labels) == n
            for value, label, position in zip(
                batch.inputs[:, 0].tolist(), batch.labels, batch.positions, strict=True
            ):
                view, row = divmod(int(value), 1000)
                assert (
                    position == examples.images[row].position and int(label) == examples.labels[row]
                )
                drawn[row] = view
        assert sorted(drawn) == list(range(n))
        seen.append(drawn)
    assert all({drawn[row] for drawn in seen} <= {0, 1, 2} for row in range(n))
    assert {view for drawn in seen for view in drawn.values()} == {0, 1, 2}
    assert len({tuple(sorted(drawn.items())) for drawn in seen}) == 8, "two epochs drew the same"
    once = [row for batch in kept.once() for row in batch.inputs[:, 0].tolist()]
    assert once == list(range(n))


def test_images_and_their_features_come_in_the_same_order(examples: ImageExamples):
    kept = features_of(examples, torch.zeros(1, len(examples), 2))
    reads: list[Callable] = [lambda e: e.epoch(1), lambda e: e.epoch(2), lambda e: e.once()]
    for read in reads:
        from_images = [(batch.positions, batch.labels.tolist()) for batch in read(examples)]
        assert from_images == [(batch.positions, batch.labels.tolist()) for batch in read(kept)]


def test_augmentation_changes_from_epoch_to_epoch_and_only_there(examples: ImageExamples):
    def pixels(batches) -> dict[int, torch.Tensor]:
        return {
            p: x for batch in batches for p, x in zip(batch.positions, batch.inputs, strict=True)
        }

    first, second, plain = (
        pixels(examples.epoch(1)),
        pixels(examples.epoch(2)),
        pixels(examples.once()),
    )
    assert all(torch.equal(x, pixels(examples.epoch(1))[p]) for p, x in first.items())
    assert not any(torch.equal(x, second[p]) or torch.equal(x, plain[p]) for p, x in first.items())


def test_a_seed_decides_which_view_is_seen_and_not_how_views_are_drawn(examples: ImageExamples):
    other = replace(examples, seed=examples.seed + 1)
    for one, two in zip(examples.view(1), other.view(1), strict=True):
        assert torch.equal(one.inputs, two.inputs)
    # Each activation says which view it is.
    views = torch.arange(3)[:, None, None] * torch.ones(len(examples), 1)
    drawn = [
        {
            p: x
            for batch in each.epoch(1)
            for p, x in zip(batch.positions, batch.inputs, strict=True)
        }
        for each in (features_of(examples, views), features_of(other, views))
    ]
    assert drawn[0].keys() == drawn[1].keys() and drawn[0] != drawn[1]


def test_balanced_examples_are_the_same_from_images_and_from_features(examples: ImageExamples):
    few = replace(examples, images=examples.images[:12], labels=[0] * 10 + [1] * 2, balance=True)
    kept = features_of(few, torch.zeros(2, 12, 2))
    shown = [(batch.positions, batch.labels.tolist()) for batch in few.epoch(3)]
    assert shown == [(batch.positions, batch.labels.tolist()) for batch in kept.epoch(3)]
    assert sum(len(labels) for _, labels in shown) == 12


def test_what_lies_on_the_device_is_chosen_there_and_labels_are_sent_once(
    examples: ImageExamples, monkeypatch: pytest.MonkeyPatch
):
    sent: list[int] = []

    def send(values: torch.Tensor, device: torch.device) -> torch.Tensor:
        sent.append(len(values))
        return values

    monkeypatch.setattr("tl_core.features.examples.send", send)
    batches = list(features_of(examples, torch.zeros(2, len(examples), 2)).epoch(1))
    assert len(batches) > 2 and sent == [len(examples)] * 2, "the labels, and which rows"


def test_reading_activations_can_be_stopped_before_every_batch(examples: ImageExamples):
    asked: list[None] = []
    kept = features_of(examples, torch.zeros(1, len(examples), 2))
    stop = Stop(lambda: bool(asked.append(None)) or len(asked) > 2)
    batches = replace(kept, stop=stop).once()
    assert len([next(batches), next(batches)]) == len(asked)
    with pytest.raises(Cancelled):
        next(batches)
