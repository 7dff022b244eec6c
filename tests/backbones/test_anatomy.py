"""Anatomy of a backbone, read without building it, at any image size that it accepts."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from tl_core.backbones import anatomy, build_library_model, get_backbone
from tl_core.backbones.anatomy import _anatomy, _find_stages
from tl_core.errors import ConfigError


def stage_names(name: str) -> list[str]:
    return [stage.name for stage in anatomy(get_backbone(name)).stages]


def test_stages_have_the_names_that_the_field_uses():
    assert stage_names("resnet18") == ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert stage_names("mobilenet_v2") == ["stem", *(f"stage{i}" for i in range(1, 8)), "top"]
    assert stage_names("vgg11_bn") == [f"block{i}" for i in range(1, 6)]
    assert stage_names("vit_b_32") == ["patches", *(f"blocks{i}" for i in range(1, 13))]
    assert stage_names("hrnet_w18_small") == ["whole"]  # its branches cannot be followed


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("vgg11_bn", [(64, 48, 48), (128, 24, 24), (256, 12, 12), (512, 6, 6), (512, 3, 3)]),
        ("swin_t", [(96, 24, 24), (96, 24, 24), (192, 12, 12), (384, 6, 6), (768, 3, 3)]),
        ("vit_tiny_patch16_224", [*[(37, 192)] * 12, (192,)]),
    ],
)
def test_shapes_follow_the_image_and_have_channels_first(name: str, shapes: list[tuple[int, ...]]):
    assert [stage.shape for stage in anatomy(get_backbone(name), 96).stages] == shapes


@pytest.mark.parametrize(
    ("name", "size", "near"),
    [
        ("vit_b_32", 33, "32 or 64"),
        ("inception_v3", 32, "75"),
        ("alexnet", 32, "63"),
        ("maxvit_t", 100, "224"),
    ],
)
def test_a_size_that_is_not_possible_is_answered_with_near_ones(name: str, size: int, near: str):
    with pytest.raises(
        ConfigError, match=f"Image size: {size} is not possible for {name}.* takes: {near}"
    ):
        anatomy(get_backbone(name), size)


def test_examining_is_deterministic_and_takes_no_memory():
    _anatomy.cache_clear()
    _find_stages.cache_clear()
    before = torch.get_rng_state()
    anatomy(get_backbone("regnet_y_128gf"))  # 2.6 GB, were it built
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_runs_on_while_another_thread_examines_one():
    network = build_library_model(get_backbone("squeezenet1_1")).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        expected = network(images)

        def examine(name: str) -> int:
            _anatomy.cache_clear()
            _find_stages.cache_clear()
            return len(anatomy(get_backbone(name)).stages)

        with ThreadPoolExecutor(3) as threads:
            counts = [
                threads.submit(examine, name)
                for name in ("alexnet", "squeezenet1_1", "resnet18") * 3
            ]
            while not all(count.done() for count in counts):
                assert torch.equal(network(images), expected)
    assert [count.result() for count in counts] == [4, 5, 5] * 3


def test_counts_do_not_depend_on_the_caller():
    backbone = get_backbone("squeezenet1_1")
    _anatomy.cache_clear()
    with torch.inference_mode():
        asked_while_predicting = anatomy(backbone)
    _anatomy.cache_clear()
    assert asked_while_predicting == anatomy(backbone)
    assert asked_while_predicting.multiply_adds > 2e8
