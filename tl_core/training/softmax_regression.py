"""Softmax regression (multinomial logistic regression), fitted by L-BFGS without chance."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

_PENALTY = 10.0
"""Factor of half the sum of squared weights, added to the sum of the losses; scikit-learn's 1 / C.

Chosen for features of unit variance, of which there are mostly more than images.
"""
_MOST_STEPS = 6
"""Steps of L-BFGS in one fit: few, because the next fit goes on from there."""


@dataclass(frozen=True, slots=True)
class SoftmaxRegression:
    """Linear classifier on centred and scaled features."""

    centre: Tensor
    """Mean of the training features, float [D]."""
    scale: float
    """Standard deviation of the training features, over all of them together."""
    weights: Tensor
    """Weights and, in the last column, biases, float [classes, D + 1]."""

    def logits(self, features: Tensor) -> Tensor:
        """Return the logits, float [N, classes], of features, float [N, D]."""
        return _logits(self.weights, (features - self.centre) / self.scale)


def fit_softmax_regression(
    features: Tensor, labels: Tensor, n_classes: int, start: SoftmaxRegression | None = None
) -> SoftmaxRegression:
    """Fit the classifier, from zero or from the weights of an earlier fit.

    Args:
        features: float [N, D], finite, in main memory.
        labels: int64 [N].
        start: earlier fit on some of the same images, which saves steps.
    """
    centre = features.mean(0)
    # One scale for all features: over few images, that of a single feature may be nearly zero.
    scale = float((features - centre).square().mean().sqrt()) or 1.0
    inputs = (features - centre) / scale
    weights = torch.zeros(n_classes, features.shape[1] + 1)
    if start is not None:
        weights.copy_(start.weights)
    weights.requires_grad_()
    optimizer = torch.optim.LBFGS([weights], max_iter=_MOST_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        penalty = _PENALTY / (2 * len(labels)) * weights[:, :-1].square().sum()
        total: Tensor = cross_entropy(_logits(weights, inputs), labels) + penalty
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return SoftmaxRegression(centre, scale, weights.detach())


def _logits(weights: Tensor, inputs: Tensor) -> Tensor:
    return torch.addmm(weights[:, -1], inputs, weights[:, :-1].T)
