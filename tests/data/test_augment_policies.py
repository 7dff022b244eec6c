"""TrivialAugment and RandAugment draw torchvision's operations at torchvision's strengths."""

import random
from collections import Counter

import pytest
import torch
from torchvision.transforms import v2

from tl_core.data.augment import apply_draws
from tl_core.data.augment_draws import Draws
from tl_core.data.augment_policies import CHANGES, POLICIES, draw_policy

THEIRS = {
    "trivial": v2.TrivialAugmentWide(interpolation="bilinear"),
    "rand": v2.RandAugment(interpolation="bilinear"),
}
NAMES = {
    "identity": "Identity",
    "shear_x": "ShearX",
    "shear_y": "ShearY",
    "shift_x": "TranslateX",
    "shift_y": "TranslateY",
    "turn": "Rotate",
    "brightness": "Brightness",
    "contrast": "Contrast",
    "saturation": "Color",
    "sharpness": "Sharpness",
    "posterize": "Posterize",
    "solarize": "Solarize",
    "auto_contrast": "AutoContrast",
    "equalize": "Equalize",
}
ARROWS = {"shift_x": -1, "shift_y": -1}
"""Operations whose sign is reversed in torchvision, which makes no difference: signs are random."""


def image() -> torch.Tensor:
    corners = torch.randint(
        0, 256, (1, 3, 8, 8), generator=torch.Generator().manual_seed(1)
    ).float()
    smooth = torch.nn.functional.interpolate(corners, size=(224, 224), mode="bilinear")
    return smooth.to(torch.uint8)


def test_the_operations_are_those_of_torchvision():
    for theirs in THEIRS.values():
        assert set(theirs._AUGMENTATION_SPACE) == set(NAMES.values())
    assert set(CHANGES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("policy", POLICIES)
def test_each_operation_is_as_strong_as_in_torchvision(policy, name):
    strengths = {"rand": [(9, 1), (9, -1)], "trivial": [(0, 1), (7, 1), (12, -1), (15, -1)]}
    for strength, sign in strengths[policy]:
        magnitudes, signed = THEIRS[policy]._AUGMENTATION_SPACE[NAMES[name]]
        table = magnitudes(31, 224, 224)
        magnitude = 0.0 if table is None else float(table[strength])
        if signed:
            magnitude *= sign
        theirs = THEIRS[policy]._apply_image_or_video_transform(
            image(), NAMES[name], magnitude, v2.InterpolationMode.BILINEAR, {}
        )
        share = strength / 30
        op = CHANGES[name](POLICIES[policy], share, share * sign * ARROWS.get(name, 1))
        ours = apply_draws(image(), [Draws(None, (op,))])
        difference = (ours.int() - theirs.int()).abs()
        # Torchvision fills with black from outside the image.
        difference[theirs == 0] = 0
        # They round a shift to whole pixels.
        assert difference.float().quantile(0.9) <= (6 if name.startswith("shift") else 1)


def test_each_policy_draws_its_number_of_operations():
    for seed in range(50):
        assert len(draw_policy("trivial", random.Random(seed))) == 1
        assert len(draw_policy("rand", random.Random(seed))) == 2


def test_all_operations_are_equally_likely():
    rng = random.Random(0)
    counts = Counter(
        op.name if op else None for _ in range(2800) for op in draw_policy("trivial", rng)
    )
    # Five of the fourteen: two shears, two shifts and turning.
    assert counts["warp"] == pytest.approx(1000, abs=130)
    assert counts["recolour"] == pytest.approx(600, abs=100)
    for name in (None, "sharpen", "posterize", "solarize", "auto_contrast", "equalize"):
        assert counts[name] == pytest.approx(200, abs=65)
