import numpy as np
import pytest
from PIL import Image

from tl_core.config import AUGMENTATIONS, PHOTOS, AugmentConfig
from tl_core.records import ImageRecord, Preprocessing
from tl_ui.train import augmentation as augment_preview
from tl_ui.train.augmentation import KINDS, SLIDERS, VARIANTS, kind_of, variants
from tl_ui.train.widgets import GROUPS, check, kind

PRE = Preprocessing(32, 36, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")


@pytest.fixture
def image(workspace, monkeypatch):
    """One picture in the workspace that the page is over."""
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


def test_with_augmentation_they_differ_and_come_again_the_same(image):
    shown = variants("d1", image, PRE, PHOTOS)
    assert any(other != shown[0] for other in shown)
    variants.cache_clear()
    assert variants("d1", image, PRE, PHOTOS) == shown


def test_every_set_has_words_and_is_known_again():
    assert KINDS.keys() == AUGMENTATIONS.keys()
    for name, config in AUGMENTATIONS.items():
        assert kind_of(config) == name
    assert kind_of(AugmentConfig(blur=0.3)) == kind_of(None) == "own"


def test_a_slider_reaches_only_what_is_possible():
    assert set(SLIDERS) == {name for name in GROUPS["Augmentation"] if kind(name) == "text"}
    for name, (low, high, _) in SLIDERS.items():
        assert check(name, str(low)) == check(name, str(high)) == ""
