"""Notes on how the lines of the learning curves are measured."""

from tl_core.config import RunConfig


def training_line_words(config: RunConfig) -> str:
    """Say when and on which images the training line is measured."""
    images = ", on augmented images" if config.augment.is_on else ""
    without = ", without augmentation" if config.augment.is_on else ""
    return (
        f"Training: measured during the epoch{images}, while the weights still change. "
        "Validation: measured after the epoch. At the test, the kept model is asked about training "
        f"images again{without}; that figure can be higher than the training line."
    )
