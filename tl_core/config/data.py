"""Settings of the dataset and its split."""

from pydantic import Field

from tl_core.config.choice import Choice, knob


class DataConfig(Choice):
    dataset_id: str = Field(min_length=1, description="Fingerprint of the dataset in the store.")
    val_fraction: float = knob(
        0.15,
        "Share of each class kept for validation, unless the dataset came with its own "
        "validation folder.",
        gt=0,
        # Below one half each, so that some images are left for training.
        lt=0.5,
    )
    test_fraction: float = knob(
        0.15,
        "Share of each class kept for the one final test, unless the dataset came with its own "
        "test folder.",
        gt=0,
        lt=0.5,
    )
    split_seed: int = knob(
        0,
        "Seed of the split; apart from the training seed, so that runs with other seeds share a "
        "test set.",
        ge=0,
        lt=2**32,
    )
