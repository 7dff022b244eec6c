"""Feature maps by epoch: points move smoothly, and answers are told in words."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from tl_core.evaluation import Outputs
from tl_core.outputs import load_epochs
from tl_core.training.output_writer import OutputsKeeper
from tl_ui.run.epochs import answer_words, turned


def test_a_cloud_that_is_only_rotated_does_not_move():
    random = np.random.default_rng(0)
    cloud = random.normal(size=(40, 6)) * [5, 3, 2, 1, 1, 1]
    turn, _ = np.linalg.qr(random.normal(size=(6, 6)))
    first, second, third = turned([cloud @ turn, -cloud, cloud])
    assert first == pytest.approx(third, abs=1e-4) and second == pytest.approx(third, abs=1e-4)
    assert third == pytest.approx(cloud[:, :2], abs=1e-5)


def test_an_epoch_without_features_has_an_empty_map():
    cloud = np.random.default_rng(0).normal(size=(10, 3))
    first, none, last = turned([cloud, np.zeros((0, 0)), cloud])
    assert none.shape == (0, 2) and first == pytest.approx(last, abs=1e-4)
    [flat] = turned([np.arange(4.0)[:, None]])
    assert flat.shape == (4, 2) and not flat[:, 1].any()


def test_points_of_a_hundred_epochs_of_five_hundred_images_move_and_do_not_jump(tmp_path: Path):
    keeper = OutputsKeeper(tmp_path)
    random = torch.Generator().manual_seed(0)
    features = torch.randn(500, 64, generator=random)
    for epoch in range(1, 101):
        features = features + 0.05 * torch.randn(500, 64, generator=random)
        logits = features[:, :6].double()
        outputs = Outputs(logits, torch.arange(500) % 6, tuple(range(500)), (features,))
        keeper.keep(epoch, outputs, is_best=False, stands_still=False)
    epochs = list(load_epochs(tmp_path))
    maps = turned([epoch.features for epoch in epochs])
    steps = [np.linalg.norm(b - a, axis=1).mean() for a, b in pairwise(maps)]
    assert max(steps) < 0.5


def test_answers_in_words():
    assert answer_words("cat", "cat", 0.9) == "✓ cat (90.0 %)"
    assert answer_words("cat", "dog", 0.5) == "✗ answered dog (50.0 %)\nreally cat"
