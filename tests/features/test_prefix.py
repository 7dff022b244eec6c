"""Frozen prefix: equal results on every engine, with torch as the fallback."""

import pytest
import torch
from backbones.families import FAMILIES, images_for, library_model
from torch import nn

from tl_core.backbones import TransferModel, build_model, get_backbone
from tl_core.cancellation import NEVER, Stop
from tl_core.config import ModelConfig
from tl_core.errors import Cancelled
from tl_core.features.onnx_export import OnnxUnfit
from tl_core.features.onnx_prefix import OnnxPrefix
from tl_core.features.prefix import Cuts, TorchPrefix, make_prefix

IN_ONNX = (
    "mobilenet_v2",
    "densenet121",
    "swin_t",
    "vit_b_32",
    "squeezenet1_1",
    "tf_efficientnet_lite0",
)
"""Backbones that are tested by default.

Together they have what is hard to export: in-place operations, windows, attention, odd padding.
"""


def make_model(name: str) -> TransferModel:
    config = ModelConfig(backbone=name, image_size=FAMILIES[name])
    return build_model(get_backbone(name), config, 3, library_model(name)).eval()


@pytest.mark.parametrize("name", IN_ONNX)
def test_onnx_runtime_gives_what_the_network_gives_at_several_depths(name: str):
    model = make_model(name)
    middle, whole = len(model.stages) // 2, len(model.stages)
    images = images_for(name, 5)
    with torch.inference_mode():
        through = model.stages[:middle](images)
        wanted = (through.clone(), model.pool(model.stages[middle:](through)))
    prefix = OnnxPrefix(Cuts(model, [middle, whole]), images, 2, NEVER)
    for ours, theirs in zip(prefix(images), wanted, strict=True):
        assert float((ours - theirs).abs().max()) <= 1e-4 * float(theirs.abs().max())


@pytest.mark.parametrize("name", ["densenet121", "mobilenet_v2"])
def test_a_depth_on_the_way_is_not_changed_by_what_follows(name: str):
    model, images = make_model(name), images_for(name)
    cuts = list(range(1, len(model.stages) + 1))
    together = TorchPrefix(Cuts(model, cuts))(images)
    for cut, found in zip(cuts, together, strict=True):
        [alone] = TorchPrefix(Cuts(model, [cut]))(images)
        assert torch.equal(found, alone)


class _Odd(nn.Module):
    """Module whose result depends on the batch size, which tracing cannot express."""

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        return (images.mean((2, 3)) * (2.0 if len(images) > 2 else 1.0),)


class _Foreign(nn.Module):
    """Module with a call that no exporter supports."""

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        return (torch.linalg.svdvals(images.mean(1)),)


@pytest.mark.parametrize(
    "network", [_Odd(), _Foreign()], ids=["answers otherwise", "cannot be exported"]
)
def test_what_onnx_runtime_cannot_do_is_found_out(
    network: nn.Module, capfd: pytest.CaptureFixture[str]
):
    with pytest.raises(OnnxUnfit):
        OnnxPrefix(network, torch.rand(8, 3, 16, 16), 8, NEVER)
    assert capfd.readouterr().out == ""  # where the command line's answer goes


def test_a_little_work_is_not_worth_an_export_and_much_is():
    model, images = make_model("mobilenet_v2"), images_for("mobilenet_v2")
    cuts = Cuts(model, [2])
    assert make_prefix(cuts, images, work=1e6, n_images=100).title == "PyTorch"
    assert make_prefix(cuts, images, work=1e9, n_images=100).title.startswith("ONNX Runtime")


def test_it_stops_between_pieces():
    model, images, asked = make_model("mobilenet_v2"), images_for("mobilenet_v2", 6), []
    prefix = OnnxPrefix(Cuts(model, [2]), images, 2, Stop(lambda: len(asked) > 0))
    asked.append(True)
    with pytest.raises(Cancelled):
        prefix(images)
    with pytest.raises(Cancelled):
        OnnxPrefix(Cuts(model, [2]), images, 2, Stop(lambda: True))
