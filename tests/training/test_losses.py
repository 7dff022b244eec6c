"""Losses: equal to torch's cross-entropy and Lin's focal loss, and additive over pieces."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from tl_core.config import TrainConfig
from tl_core.training.losses import class_weights, make_loss

CPU = torch.device("cpu")
COUNTS = [30, 6, 1, 13]
seeds = st.integers(0, 2**32 - 1)
counts = st.lists(st.integers(0, 50), min_size=2, max_size=6).filter(any)


def a_batch(seed: int, n: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, labels and class shares for four classes."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(n, 4, generator=generator)
    labels = torch.randint(4, (n,), generator=generator)
    return logits, labels, torch.rand(n, 4, generator=generator).softmax(1)


@settings(max_examples=30)
@given(seed=seeds, smoothing=st.floats(0, 0.9))
def test_without_weights_the_loss_equals_torchs_cross_entropy(seed: int, smoothing: float):
    logits, labels, shares = a_batch(seed)
    loss = make_loss(TrainConfig(label_smoothing=smoothing), COUNTS, CPU)
    for targets in (labels, shares):
        expected = functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        torch.testing.assert_close(loss(logits, targets), expected)


@settings(max_examples=30)
@given(seed=seeds, smoothing=st.floats(0, 0.9))
def test_with_weights_the_loss_differs_from_torchs_by_the_mean_over_images(
    seed: int, smoothing: float
):
    logits, labels, shares = a_batch(seed)
    loss = make_loss(TrainConfig(label_smoothing=smoothing, class_balance="weights"), COUNTS, CPU)
    for targets in (labels, shares):
        expected = functional.cross_entropy(
            logits, targets, class_weights(COUNTS), label_smoothing=smoothing, reduction="sum"
        )
        torch.testing.assert_close(loss(logits, targets), expected / len(labels))


@settings(max_examples=30)
@given(
    seed=seeds,
    cut=st.integers(1, 11),
    train=st.builds(
        TrainConfig,
        loss=st.sampled_from(["cross-entropy", "focal"]),
        class_balance=st.sampled_from(["none", "weights"]),
        label_smoothing=st.sampled_from([0.0, 0.1]),
    ),
)
def test_the_losses_of_pieces_add_up_to_the_batchs_loss(seed: int, cut: int, train: TrainConfig):
    logits, labels, _ = a_batch(seed)
    loss = make_loss(train, COUNTS, CPU)
    pieces = [(logits[:cut], labels[:cut]), (logits[cut:], labels[cut:])]
    added = sum(loss(*piece) * len(piece[1]) / len(labels) for piece in pieces)
    torch.testing.assert_close(added, loss(logits, labels))


@given(counts=counts)
def test_weights_are_one_on_average_over_the_training_images(counts: list[int]):
    weights = class_weights(counts)
    assert float((weights * torch.tensor(counts)).sum()) == pytest.approx(sum(counts), rel=1e-5)
    sums = [float(weight) * n for weight, n in zip(weights, counts, strict=True) if n]
    # Every class counts as much as any other.
    assert sums == pytest.approx([sums[0]] * len(sums), rel=1e-5)
    assert all(weight == 0 for weight, n in zip(weights, counts, strict=True) if n == 0)


@given(seed=seeds, gamma=st.floats(0.5, 6), balance=st.sampled_from(["none", "weights"]))
def test_focal_loss_follows_its_paper(seed: int, gamma: float, balance: str):
    logits, labels, _ = a_batch(seed)
    loss = make_loss(
        TrainConfig(loss="focal", focal_gamma=gamma, class_balance=balance), COUNTS, CPU
    )
    p = logits.softmax(1)[torch.arange(len(labels)), labels]
    weights = class_weights(COUNTS)[labels] if balance == "weights" else torch.ones(len(labels))
    torch.testing.assert_close(
        loss(logits, labels), (-weights * (1 - p) ** gamma * p.log()).mean(), rtol=1e-4, atol=1e-4
    )


@settings(max_examples=30)
@given(seed=seeds, balance=st.sampled_from(["none", "weights"]))
def test_with_gamma_zero_focal_loss_is_cross_entropy(seed: int, balance: str):
    logits, labels, shares = a_batch(seed)
    focal, plain = (
        make_loss(TrainConfig(loss=name, focal_gamma=0, class_balance=balance), COUNTS, CPU)
        for name in ("focal", "cross-entropy")
    )
    for targets in (labels, shares):
        torch.testing.assert_close(focal(logits, targets), plain(logits, targets))


@settings(max_examples=30)
@given(seed=seeds, gamma=st.floats(0, 6))
def test_focal_loss_of_mixed_labels_is_minimal_if_probabilities_equal_the_shares(
    seed: int, gamma: float
):
    _, _, shares = a_batch(seed)
    loss = make_loss(TrainConfig(loss="focal", focal_gamma=gamma), COUNTS, CPU)
    elsewhere = a_batch(seed + 1)[0]
    assert loss(shares.log(), shares) < loss(shares.log() + elsewhere, shares)


@settings(max_examples=30)
@given(seed=seeds, gamma=st.floats(0, 10), scale=st.sampled_from([0.0, 1.0, 1e4]))
def test_gradients_are_finite_for_any_confidence(seed: int, gamma: float, scale: float):
    logits, labels, shares = a_batch(seed)
    for targets in (labels, shares):
        inputs = (logits * scale).requires_grad_()
        loss = make_loss(TrainConfig(loss="focal", focal_gamma=gamma), COUNTS, CPU)
        loss(inputs, targets).backward()
        assert torch.isfinite(inputs.grad).all()


def test_focal_loss_gives_less_weight_to_right_answers():
    logits = torch.tensor([[4.0, 0.0], [0.0, 4.0]])
    labels = torch.tensor([0, 0])
    ratios = []
    for gamma in (0, 2):
        loss = make_loss(TrainConfig(loss="focal", focal_gamma=gamma), [1, 1], CPU)
        ratios.append(float(loss(logits[:1], labels[:1]) / loss(logits[1:], labels[1:])))
    assert ratios[1] < 0.01 * ratios[0]


def test_the_loss_of_half_precision_logits_is_computed_in_float32():
    logits, labels, _ = a_batch(0)
    assert make_loss(TrainConfig(), COUNTS, CPU)(logits.bfloat16(), labels).dtype == torch.float32
