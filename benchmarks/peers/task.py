"""Task of all ways, as JSON: the same images, split, network and weights."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

Examples = tuple[tuple[str, int], ...]
"""(path of the image, label) of each image."""


@dataclass(frozen=True)
class Task:
    backbone: str
    library: str
    """Library of the backbone: "torchvision" or "timm"."""
    weights: str
    """Path of the library's own state dict, for torch.load."""
    size: int
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    classes: tuple[str, ...]
    train: Examples
    val: Examples
    test: Examples
    epochs: int
    batch_size: int
    learning_rate: float
    workers: int
    """Number of processes that load images."""
    model: str
    """Path of the trained model."""

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps(asdict(self)), "utf-8")
        return path


def read_task() -> Task:
    """Read the task that the command line names."""
    return Task(**json.loads(Path(sys.argv[1]).read_text("utf-8")))


def tell(accuracy: float) -> None:
    """Print the test accuracy as the script's result."""
    sys.stdout.write(json.dumps({"accuracy": accuracy}) + "\n")


def load_body(task: Task) -> tuple[Any, int]:
    """Return the pretrained network without pooling and classifier, and its number of features."""
    import torch

    tensors = torch.load(task.weights, weights_only=True)
    if task.library == "timm":
        import timm

        body = timm.create_model(task.backbone, num_classes=0, global_pool="")
        body.load_state_dict(tensors, strict=False)
        return body, body.num_features
    from torchvision import models

    model = models.get_model(task.backbone, weights=None)
    model.load_state_dict(tensors)
    return model.features, model.classifier[-1].in_features


def make_transform(task: Task) -> Any:
    """Return the usual preprocessing, from a PIL image to a tensor."""
    from torchvision import transforms

    filters = {
        "bilinear": transforms.InterpolationMode.BILINEAR,
        "bicubic": transforms.InterpolationMode.BICUBIC,
    }
    return transforms.Compose(
        [
            transforms.Resize(task.resize, filters[task.interpolation]),
            transforms.CenterCrop(task.size),
            transforms.ToTensor(),
            transforms.Normalize(task.mean, task.std),
        ]
    )


class Photos:
    """Map-style dataset of (tensor, label)."""

    def __init__(self, examples: Sequence[tuple[str, int]], transform: Any) -> None:
        self.examples, self.transform = examples, transform

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, label = self.examples[index]
        with Image.open(path) as image:
            return self.transform(image.convert("RGB")), label
