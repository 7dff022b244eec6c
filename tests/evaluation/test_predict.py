"""Prediction leaves no trace on the model, and its batches are its whole."""

from dataclasses import dataclass

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tl_core.backbones import Frozen, build_library_model, build_model, freeze, get_backbone
from tl_core.config import ModelConfig
from tl_core.evaluation import join, predict, predict_batches
from tl_core.features import Batch, FeatureExamples
from tl_core.features.prefix import Cuts, TorchPrefix


def examples(n: int, batch_size: int) -> FeatureExamples:
    generator = torch.Generator().manual_seed(n)
    points, labels = torch.randn(1, n, 4, generator=generator), torch.arange(n) % 3
    return FeatureExamples(points, labels, range(100, 100 + n), batch_size, torch.device("cpu"))


@given(n=st.integers(1, 30), batch_size=st.integers(1, 40), was_training=st.booleans())
def test_batches_join_to_the_whole(n: int, batch_size: int, was_training: bool):
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3)).train(was_training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    parts = list(predict_batches(model, examples(n, batch_size)))
    assert [len(part.labels) for part in parts[:-1]] == [batch_size] * (len(parts) - 1)
    joined, at_once = join(parts), predict(model, examples(n, n))
    assert torch.allclose(joined.logits, at_once.logits, atol=1e-6)
    assert joined.labels.tolist() == at_once.labels.tolist() == [i % 3 for i in range(n)]
    assert joined.positions == at_once.positions == tuple(range(100, 100 + n))
    assert model.training is was_training and model[1].training is was_training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.is_grad_enabled() and joined.logits.dtype == torch.double


def half() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16)


@dataclass
class OneBatch:
    inputs: torch.Tensor

    def once(self) -> list[Batch]:
        n = len(self.inputs)
        return [Batch(self.inputs, torch.zeros(n, dtype=torch.long), tuple(range(n)))]


def test_in_mixed_precision_images_and_what_was_kept_of_them_agree_and_the_head_is_exact():
    torch.manual_seed(0)
    backbone, config = get_backbone("resnet18"), ModelConfig(backbone="resnet18", image_size=32)
    model = build_model(backbone, config, 3, build_library_model(backbone, 32)).eval()
    freeze(model, Frozen(3), "frozen")
    images = OneBatch(torch.randn(8, 3, 32, 32).contiguous(memory_format=torch.channels_last))
    [activations] = TorchPrefix(Cuts(model, [3]), half)(images.inputs)
    straight, kept = (
        predict(model, images, half),
        predict(model.split()[1], OneBatch(activations), half),
    )
    assert torch.equal(straight.logits, kept.logits)
    with torch.inference_mode():
        assert torch.equal(straight.logits, model.head(straight.features[0]).double())
    assert not torch.equal(straight.logits, predict(model, images).logits)
