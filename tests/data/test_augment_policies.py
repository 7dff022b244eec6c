"""TrivialAugment and RandAugment choose from torchvision's changes, at torchvision's strengths."""

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
"""Where a positive sign means the other way with them, which makes no difference: signs are drawn."""


def image() -> torch.Tensor:
    corners = torch.randint(
        0, 256, (1, 3, 8, 8), generator=torch.Generator().manual_seed(1)
    ).float()
    return torch.nn.functional.interpolate(corners, size=(224, 224), mode="bilinear").to(
        torch.uint8
    )


def test_the_changes_are_torchvisions():
    for theirs in THEIRS.values():
        assert set(theirs._AUGMENTATION_SPACE) == set(NAMES.values())
    assert set(CHANGES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_change_is_as_strong_as_torchvisions(policy, name):
    for strength, sign in (
        [(9, 1), (9, -1)] if policy == "rand" else [(0, 1), (7, 1), (12, -1), (15, -1)]
    ):
        magnitudes, signed = THEIRS[policy]._AUGMENTATION_SPACE[NAMES[name]]
        magnitude = 0.0 if (table := magnitudes(31, 224, 224)) is None else float(table[strength])
        theirs = THEIRS[policy]._apply_image_or_video_transform(
            image(),
            NAMES[name],
            magnitude * (sign if signed else 1),
            v2.InterpolationMode.BILINEAR,
            {},
        )
        share = strength / 30
        ours = apply_draws(
            image(),
            [
                Draws(
                    None,
                    (CHANGES[name](POLICIES[policy], share, share * sign * ARROWS.get(name, 1)),),
                )
            ],
        )
        difference = (ours.int() - theirs.int()).abs()
        difference[theirs == 0] = 0  # what came in from outside is black with them
        # They round a shift to whole pixels.
        assert difference.float().quantile(0.9) <= (6 if name.startswith("shift") else 1)


def test_each_draws_as_many_changes_as_it_should():
    for seed in range(50):
        assert len(draw_policy("trivial", random.Random(seed))) == 1
        assert len(draw_policy("rand", random.Random(seed))) == 2


def test_all_changes_are_equally_likely():
    rng = random.Random(0)
    counts = Counter(
        op.name if op else None for _ in range(2800) for op in draw_policy("trivial", rng)
    )
    assert counts["warp"] == pytest.approx(
        1000, abs=130
    )  # five of the fourteen: shears, shifts and turning
    assert counts["recolour"] == pytest.approx(600, abs=100)
    for name in (None, "sharpen", "posterize", "solarize", "auto_contrast", "equalize"):
        assert counts[name] == pytest.approx(200, abs=65)
