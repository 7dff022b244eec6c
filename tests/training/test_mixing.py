"""Mixup and CutMix: labels match the composition of the mixed images."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tl_core.config import TrainConfig
from tl_core.training.mixing import mix

alphas = st.sampled_from([0.0, 0.01, 0.2, 1.0, 8.0])
seeds = st.integers(0, 2**62)


def one_colour_each(n: int, height: int = 13, width: int = 9) -> tuple[Tensor, Tensor]:
    """Return images with the value 1 in a channel of their own, so that mixtures are visible."""
    return torch.eye(n)[:, :, None, None].expand(n, n, height, width).clone(), torch.arange(n)


def mixed(seed: int, n: int = 6, **train: float) -> tuple[Tensor, Tensor]:
    images, labels = one_colour_each(n)
    return mix(images, labels, n, TrainConfig(**train), torch.Generator().manual_seed(seed))


@given(seed=seeds, mixup=alphas, cutmix=alphas, n=st.integers(1, 8))
def test_class_shares_match_the_shares_of_the_image(seed: int, mixup: float, cutmix: float, n: int):
    images, shares = mixed(seed, n, mixup=mixup, cutmix=cutmix)
    if mixup or cutmix:
        assert shares.dtype == torch.float32
        torch.testing.assert_close(shares.sum(1), torch.ones(n))
        torch.testing.assert_close(images.mean((2, 3)), shares, atol=1e-5, rtol=0)


@given(seed=seeds, mixup=alphas, cutmix=alphas)
def test_the_same_generator_state_gives_the_same_mixture(seed: int, mixup: float, cutmix: float):
    first, second = (mixed(seed, mixup=mixup, cutmix=cutmix) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_global_generator_is_not_used():
    state = torch.get_rng_state()
    mixed(0, mixup=1, cutmix=1)
    assert torch.equal(state, torch.get_rng_state())


def test_without_mixup_and_cutmix_the_arguments_are_returned():
    images, labels = one_colour_each(4)
    same, labels_too = mix(images, labels, 4, TrainConfig(), torch.Generator())
    assert same is images and labels_too is labels


def test_the_arguments_are_not_modified():
    images, labels = one_colour_each(4)
    for name in ("mixup", "cutmix"):
        mix(images, labels, 4, TrainConfig(**{name: 1}), torch.Generator().manual_seed(0))
    assert torch.equal(images, one_colour_each(4)[0]) and torch.equal(labels, torch.arange(4))


@pytest.mark.parametrize(
    ("train", "kinds"),
    [
        ({"mixup": 1}, {"blend"}),
        ({"cutmix": 1}, {"paste"}),
        ({"mixup": 1, "cutmix": 1}, {"blend", "paste"}),
    ],
)
def test_mixup_blends_cutmix_pastes_and_both_alternate(train: dict, kinds: set[str]):
    seen = []
    for seed in range(60):
        images, shares = mixed(seed, **train)
        if (shares.amax(1) < 1).any():
            seen.append("paste" if ((images == 0) | (images == 1)).all() else "blend")
    assert set(seen) == kinds
    if len(kinds) == 2:
        assert 0.25 < seen.count("paste") / len(seen) < 0.75


@given(seed=seeds)
def test_the_pasted_part_is_one_rectangle(seed: int):
    images, _ = mixed(seed, cutmix=1.0)
    for i in range(len(images)):
        pasted = images[i, i] == 0
        if pasted.any():
            rows = pasted.any(1)
            columns = pasted.any(0)
            assert torch.equal(pasted, rows[:, None] & columns[None])
            for edge in (rows, columns):
                (where,) = edge.nonzero(as_tuple=True)
                assert len(where) == where[-1] - where[0] + 1


def test_a_small_alpha_hardly_mixes_and_a_large_one_mixes_evenly():
    def unevenness(alpha: float) -> float:
        """Return the mean distance of shares from 0.5; an image mixed with itself counts as 0.5."""
        proportions = [mixed(seed, 2, mixup=alpha)[1][0, 0] for seed in range(50)]
        return float((torch.stack(proportions) - 0.5).abs().mean())

    assert unevenness(0.05) > unevenness(10) + 0.1
