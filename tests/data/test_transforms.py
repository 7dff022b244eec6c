"""What the model sees: the same as torchvision's and timm's evaluation, and repeatable augmentation."""

import random

import numpy as np
import pytest
import torch
from making import picture
from PIL import Image
from torchvision.transforms import v2

from tl_core.data.transforms import augment, normalise, prepare
from tl_core.records import Preprocessing

PRE = Preprocessing(size=64, resize=73, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation="bicubic")


def textured(size: tuple[int, int]) -> Image.Image:
    noise = np.random.default_rng(0).integers(-30, 30, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(picture(1, size)) + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [(500, 375), (375, 500), (80, 80), (73, 73), (64, 300), (8, 8), (20, 31), (2000, 40)])
def test_prepare_matches_torchvision(size, interpolation):
    image = textured(size)
    pre = Preprocessing(PRE.size, PRE.resize, PRE.mean, PRE.std, interpolation)
    theirs = v2.Compose([v2.Resize(73, v2.InterpolationMode(interpolation)), v2.CenterCrop(64), v2.PILToTensor()])(
        image
    )
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


class TestAugment:
    def test_the_same_rng_gives_the_same_pixels(self):
        image = textured((120, 90))
        assert torch.equal(augment(image, PRE, random.Random(7)), augment(image, PRE, random.Random(7)))

    def test_other_rngs_give_other_pixels(self):
        image = textured((120, 90))
        results = {augment(image, PRE, random.Random(seed)).numpy().tobytes() for seed in range(20)}
        assert len(results) == 20

    def test_global_chance_is_left_alone(self):
        states = random.getstate(), torch.get_rng_state(), np.random.get_state()[1].tolist()
        augment(textured((50, 50)), PRE, random.Random(0))
        assert states[0] == random.getstate() and torch.equal(states[1], torch.get_rng_state())
        assert states[2] == np.random.get_state()[1].tolist()

    @pytest.mark.parametrize("size", [(1, 1), (8, 8), (3000, 2), (2, 3000), (64, 64)])
    def test_any_shape_of_image_comes_out_square(self, size):
        for seed in range(30):
            assert augment(picture(0, size), PRE, random.Random(seed)).shape == (3, 64, 64)

    def test_what_is_shown_is_still_the_image(self):
        image = Image.new("RGB", (100, 80), (200, 100, 50))
        mean = torch.stack([augment(image, PRE, random.Random(s)).float().mean((1, 2)) for s in range(50)]).mean(0)
        assert torch.allclose(mean, torch.tensor([200.0, 100.0, 50.0]), atol=12)
