"""Every row of the catalogue is what it claims to be, and is the library's own network cut into stages."""

import math
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from PIL import Image
from torch import nn

from tl_core.backbones import CATALOG, Backbone, build_library_model, build_model, get_backbone, load_weights
from tl_core.backbones.build import resolve_frozen_stages, stage_modules, stage_shapes
from tl_core.backbones.weights import find_weights
from tl_core.config import DEFAULT_BACKBONE, ModelConfig
from tl_core.data.loaders import read_input
from tl_core.data.transforms import normalise
from tl_core.errors import ConfigError, UnknownBackbone

PHOTOS = Path(__file__).parents[3] / "shared" / "datasets" / "imagenet_sample"

every_backbone = pytest.mark.parametrize("backbone", CATALOG.values(), ids=lambda row: row.name)


def without_classifier(backbone: Backbone, model: nn.Module) -> nn.Module:
    """The library's network, ending in its pooled features."""
    setattr(model, backbone.classifier, nn.Identity())
    if backbone.name == "vgg16":  # its classifier works on 7 × 7 positions; features elsewhere are means over positions
        model.avgpool = nn.AdaptiveAvgPool2d(1)
    return model


@every_backbone
def test_a_row_claims_what_the_network_has(backbone: Backbone):
    shapes = stage_shapes(backbone)
    assert len(shapes) == len(backbone.stages) == len(set(backbone.stage_names))
    assert sum(parameters for parameters, _ in shapes) == backbone.parameters
    assert shapes[-1][1][0] == backbone.features
    sides = [height for _, (_, height, width) in shapes if height == width]
    assert len(sides) == len(shapes) and sides == sorted(sides, reverse=True)


@every_backbone
def test_the_stages_hold_every_weight_but_the_classifier_once(backbone: Backbone):
    with torch.device("meta"):
        model = build_library_model(backbone)
    stages = nn.ModuleList(stage_modules(backbone, model))
    ours = {id(p) for p in stages.parameters()}
    theirs = {id(p) for name, p in model.named_parameters() if not name.startswith(backbone.classifier + ".")}
    assert ours == theirs
    assert len(list(stages.buffers())) == len(list(model.buffers()))


@every_backbone
def test_the_stages_give_the_librarys_own_features(backbone: Backbone):
    torch.manual_seed(1)
    library_model = build_library_model(backbone).eval()
    for module in library_model.modules():
        if isinstance(module, nn.BatchNorm2d):  # fresh statistics are 0 and 1 everywhere, which would hide a mix-up
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    model = build_model(backbone, ModelConfig(backbone=backbone.name), 2, library_model).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        ours = model.pool(model.stages(images))
        theirs = without_classifier(backbone, library_model)(images)
    assert ours.shape == (2, backbone.features) and ours.std() > 0
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backbone", [r for r in CATALOG.values() if r.library == "timm"], ids=lambda row: row.name)
def test_preprocessing_is_timms_own(backbone: Backbone):
    theirs, ours = timm.get_pretrained_cfg(backbone.name), backbone.preprocessing
    assert (ours.mean, ours.std) == (theirs.mean, theirs.std)
    assert (3, ours.size, ours.size) == theirs.input_size
    assert ours.resize == math.floor(ours.size / theirs.crop_pct)
    assert ours.interpolation == theirs.interpolation


@pytest.mark.parametrize(
    "backbone", [r for r in CATALOG.values() if r.library == "torchvision"], ids=lambda row: row.name
)
def test_preprocessing_is_that_of_the_weights_at_the_url(backbone: Backbone):
    known = {weights.url: weights for weights in torchvision.models.get_model_weights(backbone.name)}
    theirs, ours = known[backbone.weights.url].transforms(), backbone.preprocessing
    assert ([ours.size], [ours.resize]) == (theirs.crop_size, theirs.resize_size)
    assert (list(ours.mean), list(ours.std)) == (theirs.mean, theirs.std)
    assert ours.interpolation == theirs.interpolation.value


def test_the_default_needs_no_network(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_):
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", refuse)
    backbone = get_backbone(DEFAULT_BACKBONE)
    model = build_library_model(backbone)
    load_weights(backbone, model, None)
    packaged = list(torch.load(find_weights(backbone, None), weights_only=True).values())
    loaded = model.state_dict()
    assert len(loaded) == len(packaged)
    for (name, tensor), given in zip(loaded.items(), packaged, strict=True):
        if not name.startswith("classifier."):
            assert torch.equal(tensor, given), name


def test_the_default_knows_what_is_in_photographs():
    if not PHOTOS.is_dir():
        pytest.skip(f"there are no photographs in {PHOTOS.name} beside the repository")
    backbone = get_backbone(DEFAULT_BACKBONE)
    model = build_library_model(backbone).eval()
    load_weights(backbone, model, None)
    packaged = list(torch.load(find_weights(backbone, None), weights_only=True).values())
    model.classifier.weight.data, model.classifier.bias.data = packaged[-2:]
    # One photo for every fifth of the 1,000 classes; the files' names start with the class, and sort as classes do.
    labels = {path: 5 * i for i, path in enumerate(sorted((PHOTOS / "all").iterdir())) if i % 6 == 0}
    inputs = torch.stack([read_input(path, backbone.preprocessing, 10**8) for path in labels])
    with torch.inference_mode():
        said = model(normalise(inputs, backbone.preprocessing)).argmax(1)
    assert (said == torch.tensor(list(labels.values()))).float().mean() > 0.75


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UnknownBackbone) as refusal:
        get_backbone("resnet5000")
    assert all(name in str(refusal.value) for name in ("resnet5000", *CATALOG))


@every_backbone
def test_all_stages_is_as_many_as_there_are_and_one_more_is_refused(backbone: Backbone):
    total = len(backbone.stages)
    assert resolve_frozen_stages(backbone, "all") == resolve_frozen_stages(backbone, total) == total
    with pytest.raises(ConfigError, match=f"{total + 1} is too many; {backbone.name} has {total} stages"):
        resolve_frozen_stages(backbone, total + 1)


def test_photos_are_read_as_pillow_reads_them(tmp_path: Path):
    backbone = get_backbone(DEFAULT_BACKBONE)
    Image.new("RGB", (300, 260), (255, 0, 127)).save(tmp_path / "one.png")
    pixels = normalise(read_input(tmp_path / "one.png", backbone.preprocessing, 10**6)[None], backbone.preprocessing)
    assert torch.allclose(pixels[0, :, 0, 0], torch.tensor([1.0, -1.0, -0.0039]), atol=1e-3)
