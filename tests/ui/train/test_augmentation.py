import numpy as np
import pytest
from PIL import Image

from tl_core.config import AUGMENTATIONS, PHOTOS, AugmentConfig
from tl_core.records import ImageRecord, Preprocessing
from tl_ui.setting_labels import kind
from tl_ui.train import augmentation as augment_preview
from tl_ui.train.augmentation import KINDS, SLIDERS, VARIANTS, kind_of, variants
from tl_ui.train.widgets import AUGMENTATION, GROUPS, check

PRE = Preprocessing(32, 36, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")


@pytest.fixture
def image(workspace, monkeypatch):
    """Return one image in the workspace of the page."""
    monkeypatch.setattr(augment_preview, "get_workspace", lambda: workspace)
    variants.cache_clear()
    folder = workspace.artifacts.dataset_folder("d1") / "images"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "abc.png")
    yield ImageRecord(0, "abc", "a.png", "a", None, "png", 48, 40)
    variants.cache_clear()


def test_without_augmentation_all_variants_are_the_same(image):
    first, *others = variants("d1", image, PRE, AugmentConfig())
    assert len(others) == VARIANTS - 1
    assert all(other == first for other in others)


def test_with_augmentation_variants_differ_and_are_reproducible(image):
    shown = variants("d1", image, PRE, PHOTOS)
    assert any(other != shown[0] for other in shown)
    variants.cache_clear()
    assert variants("d1", image, PRE, PHOTOS) == shown


def test_every_set_has_a_title_and_is_recognised():
    assert KINDS.keys() == AUGMENTATIONS.keys()
    for name, config in AUGMENTATIONS.items():
        assert kind_of(config) == name
    assert kind_of(AugmentConfig(blur=0.3)) == kind_of(None) == "own"


def test_a_slider_reaches_only_valid_values():
    assert set(SLIDERS) == {name for name in GROUPS[AUGMENTATION] if kind(name) == "text"}
    for name, (low, high, _) in SLIDERS.items():
        assert check(name, str(low)) == check(name, str(high)) == ""
