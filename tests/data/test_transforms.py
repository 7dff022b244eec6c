"""Preprocessing matches the evaluation transforms of torchvision and timm."""

import numpy as np
import pytest
import torch
from making import picture
from PIL import Image
from torchvision.transforms import v2

from tl_core.data.transforms import normalise, prepare
from tl_core.records import Preprocessing

PRE = Preprocessing(
    size=64,
    resize=73,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    interpolation="bicubic",
)


def textured(size: tuple[int, int]) -> Image.Image:
    noise = np.random.default_rng(0).integers(-30, 30, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(picture(1, size)) + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(
    "size", [(500, 375), (375, 500), (80, 80), (73, 73), (64, 300), (8, 8), (20, 31), (2000, 40)]
)
def test_prepare_matches_torchvision(size, interpolation):
    image = textured(size)
    pre = Preprocessing(PRE.size, PRE.resize, PRE.mean, PRE.std, interpolation)
    resize = v2.Resize(73, v2.InterpolationMode(interpolation))
    theirs = v2.Compose([resize, v2.CenterCrop(64), v2.PILToTensor()])(image)
    ours = prepare(image, pre)
    assert ours.dtype == torch.uint8 and ours.shape == (3, 64, 64)
    # Pillow rounds to 8 bits between its two passes, whose order may depend on the output's shape.
    difference = (ours.int() - theirs.int()).abs()
    assert difference.max() <= 4 and difference.float().mean() < 0.3


def test_normalise_matches_torchvision():
    batch = torch.stack([prepare(picture(seed, (90, 90)), PRE) for seed in range(3)])
    theirs = v2.Normalize(PRE.mean, PRE.std)(batch.float() / 255)
    assert torch.allclose(normalise(batch, PRE), theirs, atol=1e-5)
    assert batch.dtype == torch.uint8


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 3, 8, 8), (3, 3, 1, 1), (0, 3, 4, 4)])
def test_normalise_keeps_the_layout_and_its_numbers_do_not_depend_on_it(shape):
    batch = torch.randint(0, 256, shape, dtype=torch.uint8)
    last = batch.contiguous(memory_format=torch.channels_last)
    first = normalise(batch, PRE)
    other = normalise(last, PRE)
    assert torch.equal(first, other)
    assert first.is_contiguous() and other.is_contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        assert torch.equal(normalise(last, PRE), first)
    assert torch.equal(normalise(batch.expand(2, *shape)[1], PRE), first)


@pytest.mark.parametrize("size", [(90, 120), (8, 8), (1, 500)])
def test_a_box_is_cut_out_before_resizing(size):
    image = textured(size)
    half = (0, 0, size[0], size[1] / 2)
    whole = prepare(image, PRE, (0, 0, *size))
    assert prepare(image, PRE, half).shape == whole.shape == (3, 64, 64)
    assert not torch.equal(prepare(image, PRE, half), whole)
