"""Training from kept activations is training from images, only faster; and what is kept is bounded."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making_runs import run_config
from torch import nn

from tl_core.config import PHOTOS, TrainConfig
from tl_core.data.splits import make_split
from tl_core.events import BatchEnded, EpochEnded, FactsFound
from tl_core.features import (
    ImageExamples,
    can_keep_features,
    choose_views,
    extract_features,
    feature_examples,
    reserve_activations,
)
from tl_core.records import DatasetRecord, Preprocessing
from tl_core.training import Experiment, pick_device, run_experiment
from tl_core.workspace import Workspace

SMALL = Preprocessing(8, 8, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")


def small_prefix() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()


@pytest.fixture
def examples(workspace: Workspace, colours: DatasetRecord) -> ImageExamples:
    images = workspace.store.list_images(colours.id)
    folder, labels = workspace.artifacts.dataset_folder(colours.id), [i % 3 for i in range(len(images))]
    return ImageExamples(folder, images, labels, SMALL, 7, torch.device("cpu"), seed=5, augment=PHOTOS)


def losses(workspace: Workspace, dataset: DatasetRecord, home: Path, frozen: int | str) -> tuple[bool, list[float]]:
    config, images = run_config(dataset, frozen_stages=frozen, image_size=64), workspace.store.list_images(dataset.id)
    folder = workspace.artifacts.dataset_folder(dataset.id)
    split, device = make_split(images, config.data), pick_device()
    experiment = Experiment(
        config,
        dataset.classes,
        images,
        split,
        folder,
        (),
        home / "model.safetensors",
        home / "training-state.pt",
        device,
        lambda: False,
    )
    found, is_cached = [], False
    for event in run_experiment(experiment):
        if isinstance(event, FactsFound):
            is_cached = is_cached or event.facts.get("cached_views", 0) > 0
        if isinstance(event, BatchEnded):
            found.append(event.loss)
        if isinstance(event, EpochEnded):
            found += [event.train_loss, event.train_accuracy, event.val_loss, event.val_accuracy]
    return is_cached, found


@pytest.mark.parametrize("frozen", [3, 7, "all"])
def test_with_and_without_the_cache_the_losses_are_the_same(
    workspace: Workspace, colours: DatasetRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frozen: int | str
):
    cached, from_features = losses(workspace, colours, tmp_path / "features", frozen)
    monkeypatch.setattr("tl_core.features.extract.MAX_FEATURE_BYTES", 1000)
    uncached, from_images = losses(workspace, colours, tmp_path / "images", frozen)
    assert cached and not uncached
    assert from_features == pytest.approx(from_images, rel=2e-3, abs=1e-4)


@given(st.integers(1, 10**6), st.integers(1, 1000), st.booleans())
def test_views_are_no_more_than_can_be_used_or_paid_for(n_train: int, epochs: int, augment: bool):
    views = choose_views(n_train, epochs, augment)
    assert 1 <= views <= min(epochs, 5)
    assert augment or views == 1
    assert views == 1 or n_train <= 3000 or views == 2
    assert choose_views(n_train + 1, epochs, augment) <= views <= choose_views(n_train, epochs + 1, augment)


def test_features_are_kept_where_several_epochs_can_use_them():
    assert can_keep_features(TrainConfig(), 2)
    assert not can_keep_features(TrainConfig(), 1), "used once, they need not be kept"
    assert not can_keep_features(TrainConfig(mixup=0.2), 9) and not can_keep_features(TrainConfig(cutmix=0.2), 9)


@given(room=st.integers(0, 40_000), views=st.integers(1, 4))
def test_activations_are_reserved_as_long_as_they_fit_together(room: int, views: int):
    sides = [(fake_examples(n), v) for n, v in ((6, views), (3, 1))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tl_core.features.extract.MAX_FEATURE_BYTES", room)
        outs = reserve_activations(small_prefix(), sides)
    if (6 * views + 3) * 4 * 6 * 6 * 4 > room:
        assert outs is None
    else:
        assert [out.shape for out in outs] == [(views, 6, 4, 6, 6), (1, 3, 4, 6, 6)]


def fake_examples(n: int) -> ImageExamples:
    """As many examples as that; nobody looks at the images."""
    return ImageExamples(Path(), [None] * n, [0] * n, SMALL, 2, torch.device("cpu"))


def test_view_0_is_the_image_as_it_is_and_every_other_one_its_own(examples: ImageExamples):
    prefix = small_prefix()
    [out] = reserve_activations(prefix, [(examples, 3)])
    n = len(examples)
    done = list(extract_features(out, prefix, examples))
    assert done == sorted(done) and done[-1] == 3 * n and not out.requires_grad
    with torch.inference_mode():
        plain = torch.cat([prefix(batch.inputs) for batch in examples.once()])
    assert torch.equal(out[0], plain)
    assert all(not torch.equal(out[a, i], out[b, i]) for i in range(n) for a, b in ((0, 1), (0, 2), (1, 2)))
    [again] = reserve_activations(prefix, [(examples, 3)])
    list(extract_features(again, prefix, examples))
    assert torch.equal(out, again)


def test_every_epoch_draws_one_kept_view_of_each_image(examples: ImageExamples):
    n = len(examples)
    # Each activation says which view and image it is.
    activations = torch.arange(3)[:, None, None] * 1000.0 + torch.arange(n)[None, :, None]
    kept = feature_examples(examples, activations)
    seen: list[dict[int, int]] = []
    for epoch in range(1, 9):
        drawn: dict[int, int] = {}
        for batch in kept.epoch(epoch):
            assert len(batch.labels) == 7 or len(drawn) + len(batch.labels) == n
            for value, label, position in zip(batch.inputs[:, 0].tolist(), batch.labels, batch.positions, strict=True):
                view, row = divmod(int(value), 1000)
                assert position == examples.images[row].position and int(label) == examples.labels[row]
                drawn[row] = view
        assert sorted(drawn) == list(range(n))
        seen.append(drawn)
    assert all({drawn[row] for drawn in seen} <= {0, 1, 2} for row in range(n))
    assert {view for drawn in seen for view in drawn.values()} == {0, 1, 2}
    assert len({tuple(sorted(drawn.items())) for drawn in seen}) == 8, "two epochs drew the same"
    once = [row for batch in kept.once() for row in batch.inputs[:, 0].tolist()]
    assert once == list(range(n))


def test_images_and_their_features_come_in_the_same_order(examples: ImageExamples):
    kept = feature_examples(examples, torch.zeros(1, len(examples), 2))
    reads: list[Callable] = [lambda e: e.epoch(1), lambda e: e.epoch(2), lambda e: e.once()]
    for read in reads:
        from_images = [(batch.positions, batch.labels.tolist()) for batch in read(examples)]
        assert from_images == [(batch.positions, batch.labels.tolist()) for batch in read(kept)]


def test_augmentation_changes_from_epoch_to_epoch_and_only_there(examples: ImageExamples):
    def pixels(batches) -> dict[int, torch.Tensor]:
        return {p: x for batch in batches for p, x in zip(batch.positions, batch.inputs, strict=True)}

    first, second, plain = pixels(examples.epoch(1)), pixels(examples.epoch(2)), pixels(examples.once())
    assert all(torch.equal(x, pixels(examples.epoch(1))[p]) for p, x in first.items())
    assert not any(torch.equal(x, second[p]) or torch.equal(x, plain[p]) for p, x in first.items())


def test_balanced_examples_are_the_same_from_images_and_from_features(examples: ImageExamples):
    few = replace(examples, images=examples.images[:12], labels=[0] * 10 + [1] * 2, balance=True)
    kept = feature_examples(few, torch.zeros(2, 12, 2))
    shown = [(batch.positions, batch.labels.tolist()) for batch in few.epoch(3)]
    assert shown == [(batch.positions, batch.labels.tolist()) for batch in kept.epoch(3)]
    assert sum(len(labels) for _, labels in shown) == 12
