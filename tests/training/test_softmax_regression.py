"""Softmax regression is the one that scikit-learn fits, and draws no random numbers."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tl_core.training import softmax_regression
from tl_core.training.softmax_regression import fit_softmax_regression


def made_up(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (n,), generator=generator)
    centres = 2 * torch.randn(3, 20, generator=torch.Generator().manual_seed(9))
    return 5 + centres[labels] + 3 * torch.randn(n, 20, generator=generator), labels


def test_fits_that_go_on_from_one_another_come_to_the_fit_of_scikit_learn():
    features, labels = made_up(200)
    fitted = None
    for _ in range(20):
        fitted = fit_softmax_regression(features, labels, 3, fitted)
    assert fitted is not None
    inputs = (features - fitted.centre) / fitted.scale
    theirs = LogisticRegression(C=1 / softmax_regression._PENALTY, max_iter=1000, tol=1e-8).fit(
        inputs.numpy(), labels.numpy()
    )
    ours = fitted.logits(features).softmax(1).numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(inputs.numpy()), atol=1e-3)


def test_it_repeats_itself_and_leaves_the_generator_alone():
    features, labels = made_up(50)
    state = torch.get_rng_state()
    first = fit_softmax_regression(features, labels, 3)
    again = fit_softmax_regression(features, labels, 3)
    assert torch.equal(first.weights, again.weights)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("n_classes", [3, 5])
def test_features_without_variance_and_classes_without_images_do_no_harm(n_classes: int):
    _, labels = made_up(10)
    fitted = fit_softmax_regression(torch.ones(10, 4), labels, n_classes)
    assert fitted.logits(torch.ones(2, 4)).isfinite().all()
