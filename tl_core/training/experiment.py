"""Everything that one run is made of, before anything is computed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tl_core.backbones import (
    Backbone,
    get_backbone,
    preprocessing_for,
)
from tl_core.cache import RowCache
from tl_core.config import RunConfig
from tl_core.features import ImageExamples, OnnxPrefix
from tl_core.records import ImageRecord, Preprocessing, Split
from tl_core.stopping import Stop
from tl_core.training.device import Device


@dataclass(frozen=True)
class Experiment:
    """Everything a run needs, already looked up."""

    config: RunConfig
    classes: Sequence[str]
    images: Sequence[ImageRecord]
    """Of the whole dataset, in order of position."""
    split: Split
    dataset_folder: Path
    weights_folders: tuple[Path, ...]
    checkpoint: Path
    """Where the best epoch's model is kept."""
    state_path: Path
    """Where all is kept that it takes to carry on from the last finished epoch."""
    device: Device
    stop: Stop
    """Asked often; must be cheap."""
    cache: RowCache | None = None
    """Keeps what is computed of images, for this run and others."""
    workers: int = 2
    """Threads that read images."""
    only_torch: bool = False
    """Frozen stages are computed by PyTorch even where something else is faster."""
    outputs: Path | None = None
    """Folder for what the model said (`tl_core.outputs`); None keeps nothing of it."""
    exported: dict[str, OnnxPrefix] = field(default_factory=dict)
    """Frozen stages in ONNX Runtime: the final test runs what training ran."""

    @property
    def backbone(self) -> Backbone:
        return get_backbone(self.config.model.backbone)

    @property
    def preprocessing(self) -> Preprocessing:
        return preprocessing_for(self.backbone, self.config.model.image_size)

    def examples(self, positions: Sequence[int], *, augment: bool = False) -> ImageExamples:
        """Those images; with `augment` as training sees them: varied, and balanced where that was chosen."""
        train, chosen = self.config.train, [self.images[i] for i in positions]
        return ImageExamples(
            self.dataset_folder,
            chosen,
            [self.classes.index(image.class_name) for image in chosen],
            self.preprocessing,
            train.images_per_batch,
            self.device.torch_device,
            train.seed,
            self.config.augment if augment and self.config.augment.is_on else None,
            self.stop,
            balance=augment and train.class_balance == "sampling",
            cache=self.cache,
            workers=self.workers,
        )

    @property
    def class_counts(self) -> list[int]:
        """Training images of each class."""
        names = Counter(self.images[i].class_name for i in self.split.train)
        return [names[name] for name in self.classes]

    @property
    def majority_label(self) -> int:
        """The class that most training images have."""
        counts = self.class_counts
        return max(range(len(counts)), key=counts.__getitem__)
