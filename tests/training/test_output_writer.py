"""Stored logits and features: exact where they matter, and small."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tl_core.errors import RunNotReady
from tl_core.evaluation import Outputs
from tl_core.evaluation.projection import project
from tl_core.outputs import epoch_path, list_epochs, load_epochs, load_outputs, outputs_path
from tl_core.training.output_writer import COMPONENTS, MOST_IMAGES, OutputsKeeper, keep_test


def make_outputs(n: int = 12, classes: int = 3, width: int = 8, seed: int = 0) -> Outputs:
    """Return outputs in two batches, out of order."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(n, width, generator=generator)
    logits = torch.randn(n, classes, generator=generator).double()
    positions = tuple(
        torch.randperm(10 * n, generator=torch.Generator().manual_seed(9))[:n].tolist()
    )
    return Outputs(logits, torch.arange(n) % classes, positions, tuple(features.split(7)))


def test_logits_and_features_come_back_in_order(tmp_path: Path):
    outputs = make_outputs()
    OutputsKeeper(tmp_path).keep(4, outputs, is_best=True, stands_still=False)
    keep_test(tmp_path, outputs)
    order = np.argsort(outputs.positions)
    for split, epoch in (("val", 4), ("test", 0)):
        kept = load_outputs(tmp_path, split)
        assert kept.epoch == epoch and kept.positions.tolist() == sorted(outputs.positions)
        assert kept.labels.tolist() == outputs.labels[order].tolist()
        assert kept.rows.tolist() == list(range(12))
        assert np.array_equal(kept.logits, outputs.logits.float().numpy()[order])
        assert kept.features == pytest.approx(torch.cat(outputs.features).numpy()[order], rel=1e-3)
        assert (kept.logits.dtype, kept.features.dtype) == (np.float32, np.float16)
    assert not list(tmp_path.rglob("*.unfinished"))


def test_only_the_best_epoch_is_stored_in_full(tmp_path: Path):
    keeper = OutputsKeeper(tmp_path)
    for epoch, is_best in enumerate((True, True, False), 1):
        keeper.keep(epoch, make_outputs(seed=epoch), is_best=is_best, stands_still=False)
    assert load_outputs(tmp_path, "val").epoch == 2
    assert list_epochs(tmp_path) == [1, 2, 3]


def test_the_record_of_an_epoch_is_small(tmp_path: Path):
    outputs = make_outputs(n=900, classes=4, width=80)
    OutputsKeeper(tmp_path).keep(1, outputs, is_best=False, stands_still=False)
    [epoch] = load_epochs(tmp_path)
    order = np.argsort(outputs.positions)
    probabilities = outputs.logits.softmax(1).numpy()[order]
    assert epoch.answers.tolist() == probabilities.argmax(1).tolist()
    assert epoch.confidence == pytest.approx(probabilities.max(1), abs=1e-6)
    assert len(epoch.rows) == MOST_IMAGES
    assert epoch.probabilities == pytest.approx(probabilities[epoch.rows], abs=1e-3)
    expected = project(torch.cat(outputs.features).numpy()[order][epoch.rows], COMPONENTS)
    assert epoch.features == pytest.approx(expected.points, abs=1e-2)
    assert epoch.spread == pytest.approx(expected.spread)
    assert epoch_path(tmp_path, 1).stat().st_size < 100_000


def test_features_that_do_not_change_are_stored_once(tmp_path: Path):
    keeper = OutputsKeeper(tmp_path)
    for epoch, still in enumerate((True, True, True, False), 1):
        keeper.keep(epoch, make_outputs(seed=epoch), is_best=False, stands_still=still)
    epochs = list(load_epochs(tmp_path))
    assert [epoch.stands_still for epoch in epochs] == [False, True, True, False]
    first, second, third, moved = epochs
    assert np.array_equal(first.features, third.features) and second.spread == first.spread
    assert not np.array_equal(moved.features, first.features)
    assert second.probabilities.tolist() != first.probabilities.tolist()


def test_records_of_epochs_to_be_repeated_are_deleted(tmp_path: Path):
    keeper = OutputsKeeper(tmp_path)
    for epoch in (1, 2, 3):
        keeper.keep(epoch, make_outputs(), is_best=True, stands_still=True)
    keeper = OutputsKeeper(tmp_path, epochs_done=1)
    assert list_epochs(tmp_path) == [1]
    keeper.keep(2, make_outputs(seed=5), is_best=False, stands_still=True)
    assert [epoch.stands_still for epoch in load_epochs(tmp_path)] == [False, True]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_without_finite_features_the_rest_is_stored(tmp_path: Path, wrong: float):
    outputs = make_outputs()
    outputs.features[0][0, 0] = wrong
    OutputsKeeper(tmp_path).keep(1, outputs, is_best=True, stands_still=False)
    [epoch] = load_epochs(tmp_path)
    assert epoch.features.size == 0 and len(epoch.answers) == 12
    assert not np.isfinite(load_outputs(tmp_path, "val").features).all()


def test_missing_outputs_raise_a_readable_error(tmp_path: Path):
    OutputsKeeper(None).keep(1, make_outputs(), is_best=True, stands_still=False)
    keep_test(None, make_outputs())
    assert list_epochs(tmp_path / "none") == [] == list(load_epochs(tmp_path / "none"))
    with pytest.raises(RunNotReady, match="features of this run's validation images were not kept"):
        load_outputs(tmp_path / "none", "val")


@pytest.mark.parametrize("damage", [b"", b"not this", None], ids=str)
def test_a_damaged_file_raises_a_readable_error(tmp_path: Path, damage: bytes | None):
    OutputsKeeper(tmp_path).keep(1, make_outputs(), is_best=True, stands_still=False)
    for path in (outputs_path(tmp_path, "val"), epoch_path(tmp_path, 1)):
        path.write_bytes(path.read_bytes()[:200] if damage is None else damage)
    with pytest.raises(RunNotReady, match="cannot be read"):
        load_outputs(tmp_path, "val")
    with pytest.raises(RunNotReady, match="cannot be read"):
        list(load_epochs(tmp_path))
