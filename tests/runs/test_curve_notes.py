import pytest

from tl_core.config import make_run_config
from tl_core.runs.curve_notes import training_line_words


@pytest.mark.parametrize(("augment", "is_augmented"), [("none", False), ("photos", True)])
def test_augmentation_is_named_exactly_where_the_training_line_is_measured_with_it(
    augment, is_augmented
):
    words = training_line_words(make_run_config("d", {"augment": augment}))
    assert "during the epoch" in words
    assert ("on augmented images" in words) == is_augmented
    assert ("without augmentation" in words) == is_augmented
