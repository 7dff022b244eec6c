"""Head: its depth, width and dropout follow the configuration."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tl_core.backbones.heads import head_parameters, make_head
from tl_core.config import ModelConfig
from tl_core.errors import ConfigError


@given(
    features=st.integers(1, 64),
    n_classes=st.integers(2, 9),
    hidden=st.lists(st.integers(1, 64), max_size=4).map(tuple),
    dropout=st.sampled_from([0.0, 0.3]),
)
def test_a_head_has_the_hidden_layers_asked_for(
    features: int, n_classes: int, hidden: tuple[int, ...], dropout: float
):
    config = ModelConfig(hidden_units=hidden, dropout=dropout)
    head = make_head(features, n_classes, config)
    linear = [layer for layer in head if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in linear] == [*hidden, n_classes]
    assert sum(isinstance(layer, nn.ReLU) for layer in head) == len(hidden)
    assert [layer.p for layer in head if isinstance(layer, nn.Dropout)] == [dropout] * len(
        linear
    ) * bool(dropout)
    assert head(torch.randn(3, features)).shape == (3, n_classes)
    assert sum(p.numel() for p in head.parameters()) == head_parameters(features, n_classes, config)


def test_one_output_is_the_sigmoid_of_two_classes():
    head = make_head(5, 2, ModelConfig(output="sigmoid"))
    features = torch.randn(7, 5)
    torch.testing.assert_close(
        head(features).softmax(1)[:, 1], head[0](features).sigmoid().flatten()
    )
    with pytest.raises(
        ConfigError, match="Output: 'sigmoid' needs exactly two classes, and there are 3"
    ):
        make_head(5, 3, ModelConfig(output="sigmoid"))
