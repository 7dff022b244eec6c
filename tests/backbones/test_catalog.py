"""Catalogue: every row describes its network, and any network of timm gets a row."""

import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from PIL import Image

from tl_core.backbones import (
    Backbone,
    anatomy,
    build_library_model,
    catalog,
    get_backbone,
    list_backbones,
    preprocessing_for,
    search_timm,
)
from tl_core.config import DEFAULT_BACKBONE
from tl_core.data.loaders import read_input
from tl_core.data.transforms import normalise
from tl_core.errors import UnknownBackbone

every_backbone = pytest.mark.parametrize("backbone", list_backbones(), ids=lambda row: row.name)
SMALLEST = {
    row.family: row.name
    for row in sorted(list_backbones(), key=lambda row: row.parameters or 0, reverse=True)
}
"""Smallest member of each family."""


@every_backbone
def test_a_row_claims_what_the_network_has(backbone: Backbone):
    with torch.device("meta"):
        network = build_library_model(backbone)
    # The published number includes the auxiliary classifier, which only training uses.
    extra_classifier = 3_326_696 if backbone.name == "inception_v3" else 0
    assert sum(p.numel() for p in network.parameters()) + extra_classifier == backbone.parameters
    assert any(name.startswith(backbone.classifier + ".") for name, _ in network.named_parameters())
    assert 0.5 < backbone.top1 < 0.9 and backbone.top1_source
    assert backbone.title and backbone.description.endswith(".") and backbone.weights.licence
    assert backbone.preprocessing.size <= backbone.preprocessing.resize
    assert backbone.min_size <= backbone.preprocessing.size


@pytest.mark.parametrize(
    "backbone",
    [
        pytest.param(
            row, id=row.name, marks=[] if row.name in SMALLEST.values() else pytest.mark.slow
        )
        for row in list_backbones()
    ],
)
def test_a_backbone_has_a_handful_of_named_stages(backbone: Backbone):
    whole = anatomy(backbone)
    names = [stage.name for stage in whole.stages]
    assert 4 <= len(names) <= 14 and len(set(names)) == len(names)
    assert all(stage.parameters for stage in whole.stages)
    assert whole.stages[-1].shape[0] == whole.features
    assert [stage.layers for stage in whole.stages] == sorted(
        {stage.layers for stage in whole.stages}
    )
    assert whole.stages[-1].layers == len(whole.layers)
    assert [layer.stage for layer in whole.layers] == sorted(layer.stage for layer in whole.layers)
    sides = [stage.shape[1] for stage in whole.stages if len(stage.shape) == 3]
    assert sides == sorted(sides, reverse=True)
    classifier = (
        0.3 * backbone.flops
        if backbone.family in ("alexnet", "squeezenet")
        else 0.03 * backbone.flops
    )
    assert whole.multiply_adds == pytest.approx(
        backbone.flops, abs=max(classifier, 0.13e9), rel=0.06
    )


@pytest.mark.parametrize(
    "backbone", [b for b in list_backbones() if b.library == "torchvision"], ids=lambda b: b.name
)
def test_preprocessing_is_that_of_the_weights_at_the_url(backbone: Backbone):
    known = {
        weights.url: weights for weights in torchvision.models.get_model_weights(backbone.name)
    }
    theirs = known[backbone.weights.url].transforms()
    image = torch.rand(1, 3, 400, 500)
    ours = torchvision.transforms.functional.center_crop(
        torchvision.transforms.functional.resize(
            image,
            backbone.preprocessing.resize,
            interpolation=theirs.interpolation,
            antialias=theirs.antialias,
        ),
        backbone.preprocessing.size,
    )
    ours = (ours - torch.tensor(backbone.preprocessing.mean).view(3, 1, 1)) / torch.tensor(
        backbone.preprocessing.std
    ).view(3, 1, 1)
    given = theirs(image)
    # Their networks convert their input in this way themselves.
    if backbone.family in ("googlenet", "inception"):
        for channel, (mean, std) in enumerate(zip(theirs.mean, theirs.std, strict=True)):
            given[:, channel] = given[:, channel] * (std / 0.5) + (mean - 0.5) / 0.5
    torch.testing.assert_close(ours, given, rtol=1e-4, atol=1e-5)


def test_the_catalogue_is_all_of_torchvision_and_efficientnet_lite_and_builds_no_network(
    monkeypatch: pytest.MonkeyPatch,
):
    for library, build in ((torchvision.models, "get_model"), (timm, "create_model")):
        monkeypatch.setattr(library, build, lambda *_, **__: pytest.fail("a network is built"))
    catalog._rows.cache_clear()
    names = [row.name for row in list_backbones()]
    lite = [f"tf_efficientnet_lite{i}" for i in range(3)]
    assert sorted(names) == sorted(
        [*torchvision.models.list_models(module=torchvision.models), *lite]
    )
    assert names[0] == DEFAULT_BACKBONE
    assert len({row.title for row in list_backbones()}) == len(names)


@pytest.mark.parametrize(
    "name", ["convnext_atto", "mobilenetv4_conv_small.e2400_r224_in1k", "vit_tiny_patch16_224"]
)
def test_any_of_timms_networks_has_a_row_of_its_own_making(name: str):
    row, theirs = get_backbone(name), timm.get_pretrained_cfg(name)
    assert (row.library, row.classifier, row.weights.hub_id) == (
        "timm",
        theirs.classifier,
        theirs.hf_hub_id,
    )
    assert (row.preprocessing.mean, row.preprocessing.std) == (theirs.mean, theirs.std)
    assert (3, row.preprocessing.size, row.preprocessing.size) == theirs.input_size
    assert row.weights.licence == theirs.license
    assert row.top1 is row.parameters is row.flops is None


def test_timm_can_be_searched():
    assert search_timm("convnext ATTO")[0] == "convnext_atto.d2_in1k"
    assert len(search_timm("vit", limit=7)) == 7
    assert search_timm("no such thing") == ()
    assert all(get_backbone(name).name == name for name in search_timm("tiny"))


@pytest.mark.parametrize(
    ("asked", "meant"), [("resnet5", "resnet50"), ("convnext_aito", "convnext_atto")]
)
def test_an_unknown_name_is_answered_with_near_ones(asked: str, meant: str):
    with pytest.raises(UnknownBackbone, match=rf"no backbone called '{asked}'.*{meant}"):
        get_backbone(asked)


def test_another_image_size_keeps_the_share_that_the_crop_leaves_out():
    resnet = get_backbone("resnet50")
    assert preprocessing_for(resnet, None) == preprocessing_for(resnet, 224) == resnet.preprocessing
    other = preprocessing_for(resnet, 112)
    assert (other.size, other.resize, other.mean) == (112, 128, resnet.preprocessing.mean)


def test_photos_are_read_as_pillow_reads_them(tmp_path: Path):
    backbone = get_backbone(DEFAULT_BACKBONE)
    Image.new("RGB", (300, 260), (255, 0, 127)).save(tmp_path / "one.png")
    pixels = normalise(
        read_input(tmp_path / "one.png", backbone.preprocessing, 10**6)[None],
        backbone.preprocessing,
    )
    assert torch.allclose(pixels[0, :, 0, 0], torch.tensor([1.0, -1.0, -0.0039]), atol=1e-3)


def test_a_network_of_torchvisions_is_built_without_loading_timm():
    code = """
import sys, torch
from tl_core.backbones import build_model, build_library_model, get_backbone
from tl_core.config import ModelConfig
row = get_backbone("squeezenet1_1")
build_model(row, ModelConfig(backbone=row.name), 3, build_library_model(row))
sys.exit("timm" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
