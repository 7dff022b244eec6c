"""Operations on a batch give the results of torchvision's functions, image by image."""

import pytest
import torch
from torch.nn.functional import interpolate
from torchvision.transforms.v2 import functional as vision

from tl_core.data.augment import apply_draws
from tl_core.data.augment_draws import Draws, bell
from tl_core.data.augment_ops import OPS, Op
from tl_core.data.augment_policies import recolouring, turn


@pytest.fixture(scope="module")
def images():
    corners = torch.randint(
        0, 256, (4, 3, 7, 7), generator=torch.Generator().manual_seed(0)
    ).float()
    return interpolate(corners, size=(64, 64), mode="bilinear").to(torch.uint8)


def close(ours, theirs, margin: int = 0, most: int = 1) -> bool:
    """Compare up to rounding, as torchvision truncates, except `margin` pixels at each border."""
    inner = slice(margin, ours.shape[-1] - margin)
    return bool((ours.int() - theirs.int())[..., inner, inner].abs().max() <= most)


@pytest.mark.parametrize(
    ("name", "values", "theirs"),
    [
        ("flip", (), vision.horizontal_flip),
        ("vertical_flip", (), vision.vertical_flip),
        (
            "recolour",
            recolouring(1.4, 1, 1).values,
            lambda images: vision.adjust_brightness(images, 1.4),
        ),
        (
            "recolour",
            recolouring(1, 0.6, 1).values,
            lambda images: vision.adjust_contrast(images, 0.6),
        ),
        (
            "recolour",
            recolouring(1, 1, 1.7).values,
            lambda images: vision.adjust_saturation(images, 1.7),
        ),
        ("sharpen", (1.9,), lambda images: vision.adjust_sharpness(images, 1.9)),
        ("sharpen", (0.1,), lambda images: vision.adjust_sharpness(images, 0.1)),
        ("posterize", (2,), lambda images: vision.posterize(images, 2)),
        ("posterize", (8,), lambda images: images),
        ("solarize", (100,), lambda images: vision.solarize(images, 100)),
        ("auto_contrast", (), vision.autocontrast),
        ("equalize", (), vision.equalize),
        ("blur", bell(1.2), lambda images: vision.gaussian_blur(images, [9, 9], [1.2, 1.2])),
    ],
)
def test_each_operation_matches_torchvision(images, name, values, theirs):
    values = torch.tensor([values] * len(images))
    # Torchvision mirrors at the borders before it blurs, where we repeat the outermost pixel.
    assert close(OPS[name](images, values), theirs(images), margin=5 if name == "blur" else 0)


def test_recolouring_is_brightness_then_contrast_then_saturation(images):
    # Muted, so that torchvision clips nothing between the steps.
    muted = images // 2 + 60
    brighter = vision.adjust_brightness(muted, 1.1)
    theirs = vision.adjust_saturation(vision.adjust_contrast(brighter, 0.8), 1.2)
    ours = OPS["recolour"](muted, torch.tensor([recolouring(1.1, 0.8, 1.2).values] * 4))
    assert close(ours, theirs, most=3)


@pytest.mark.parametrize("degrees", [-30, 10, 90, 180])
def test_turning_is_counter_clockwise_as_in_torchvision(images, degrees):
    theirs = vision.rotate(images, degrees, vision.InterpolationMode.BILINEAR)
    assert close(OPS["warp"](images, torch.tensor([turn(degrees).values] * 4)), theirs, margin=20)


def test_the_image_is_mirrored_at_its_borders(images):
    bright = images.clamp(min=100)
    assert OPS["warp"](bright, torch.tensor([turn(45).values] * 4)).min() >= 100
    shifted = OPS["warp"](images, torch.tensor([(1, 0, -0.25, 0, 1, 0)] * 4))
    assert torch.equal(shifted[..., 16:], images[..., :-16])
    assert torch.equal(shifted[..., :16], images[..., :16].flip(3))


def test_erasing_covers_one_rectangle_with_the_mean(images):
    erased = OPS["erase"](images, torch.tensor([(0.25, 0.5, 0.75, 1.0)] * 4))
    mean = images.sum((2, 3), keepdim=True) // 64**2
    assert torch.equal(erased[:, :, 32:, 16:48], mean.expand(4, 3, 32, 32))
    untouched = torch.ones(64, 64, dtype=torch.bool)
    untouched[32:, 16:48] = False
    assert torch.equal(erased[:, :, untouched], images[:, :, untouched])


@pytest.mark.parametrize("name", OPS)
def test_images_of_one_pixel_and_oblong_ones_keep_their_shape(name):
    values = {
        "recolour": recolouring(1.2, 0.5, 1.3).values,
        "warp": turn(40).values,
        "blur": bell(1),
        "erase": (0, 0, 0.5, 0.5),
    }
    for shape in [(1, 1), (2, 2), (1, 9), (12, 5)]:
        images = torch.randint(0, 256, (2, 3, *shape), dtype=torch.uint8)
        done = OPS[name](images, torch.tensor([values.get(name, (4,))] * 2))
        assert done.shape == images.shape and done.dtype == torch.uint8


def test_each_image_has_its_own_changes_in_order(images):
    first = Op("flip")
    second = Op("posterize", (1,))
    draws = [
        Draws(None, (first, None)),
        Draws(None, (None, second)),
        Draws(None, (first, second)),
        Draws(None, ()),
    ]
    done = apply_draws(images, draws)
    assert torch.equal(done[0], images[0].flip(2))
    assert torch.equal(done[1], images[1] & 128)
    assert torch.equal(done[2], images[2].flip(2) & 128)
    assert torch.equal(done[3], images[3])
