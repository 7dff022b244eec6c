"""Inputs of one run: configuration, images, split, folders and device."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tl_core.backbones import Backbone, get_backbone, preprocessing_for
from tl_core.cache import RowCache
from tl_core.cancellation import Stop
from tl_core.config import RunConfig
from tl_core.data.reading_clock import ReadingClock
from tl_core.features import ImageExamples, OnnxPrefix
from tl_core.records import ImageRecord, Levels, Preprocessing, Split
from tl_core.training.device import Device


@dataclass(frozen=True)
class Experiment:
    """Inputs of one run, looked up and ready to use."""

    config: RunConfig
    classes: Sequence[str]
    images: Sequence[ImageRecord]
    """Images of the whole dataset, in order of position."""
    split: Split
    dataset_folder: Path
    weights_folders: tuple[Path, ...]
    checkpoint: Path
    """File for the model of the best epoch."""
    state_path: Path
    """File for the training state after the last finished epoch, to resume from."""
    device: Device
    stop: Stop
    """Request to stop; polled often, so it must be cheap."""
    levels: Levels | None = None
    """Black and white of the dataset's samples with more than 8 bits."""
    cache: RowCache | None = None
    """Cache of decoded images and activations, shared with other runs."""
    workers: int = 2
    """Threads that read images."""
    only_torch: bool = False
    """True to compute frozen stages in PyTorch even where ONNX Runtime is faster."""
    outputs: Path | None = None
    """Folder for logits and features (`tl_core.outputs`); None stores none."""
    preview: bool = True
    """True to fit classifiers on the features prepared so far, for those who watch."""
    exported: dict[str, OnnxPrefix] = field(default_factory=dict)
    """Frozen stages in ONNX Runtime, shared so that the test uses the same graph as training."""
    reading: ReadingClock = field(default_factory=ReadingClock)
    """Processor time of the threads that read images."""

    @property
    def backbone(self) -> Backbone:
        return get_backbone(self.config.model.backbone)

    @property
    def preprocessing(self) -> Preprocessing:
        own = preprocessing_for(self.backbone, self.config.model.image_size)
        return replace(own, levels=self.levels)

    def examples(self, positions: Sequence[int], *, augment: bool = False) -> ImageExamples:
        """Return the images at `positions` as examples.

        Args:
            augment: apply the run's augmentation and class-balanced sampling, as in training.
        """
        train = self.config.train
        images = [self.images[i] for i in positions]
        is_augmented = augment and self.config.augment.is_on
        return ImageExamples(
            self.dataset_folder,
            images,
            [self.classes.index(image.class_name) for image in images],
            self.preprocessing,
            train.images_per_batch,
            self.device.torch_device,
            train.seed,
            self.config.augment if is_augmented else None,
            self.stop,
            balance=augment and train.class_balance == "sampling",
            cache=self.cache,
            workers=self.workers,
            clock=self.reading,
        )

    @property
    def class_counts(self) -> list[int]:
        """Number of training images of each class."""
        # Validation and test must not influence the weights of the loss.
        names = Counter(self.images[i].class_name for i in self.split.train)
        return [names[name] for name in self.classes]

    @property
    def majority_label(self) -> int:
        """Label of the most frequent class in the training set."""
        counts = self.class_counts
        return max(range(len(counts)), key=counts.__getitem__)
