"""Model outputs of a run on disk: logits and features of validation and test, and of every epoch.

Arrays lie in safetensors files in the run's folder. Each file is written whole and never changed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from tl_core.checksums import Damaged, add_checksum, verify
from tl_core.errors import RunNotReady
from tl_core.files import delete, replacing
from tl_core.text import without_folders

Numbers = NDArray[Any]
Kind = TypeVar("Kind")
_TITLES = {"val": "validation", "test": "test"}


@dataclass(frozen=True, slots=True, eq=False)
class KeptOutputs:
    """Outputs for every image of one side of the split, in order of position."""

    epoch: int
    """Epoch of the weights for validation, counted from 1; 0 for the test, of the same weights."""
    positions: Numbers
    """`ImageRecord.position` of the images, int64 [N]."""
    labels: Numbers
    """True labels, int64 [N]."""
    logits: Numbers
    """Logits, float32 [N, classes]."""
    rows: Numbers
    """Indices of the images with features, int64 [M]; a sample where there are very many."""
    features: Numbers
    """Inputs of the head, float16 [M, features] where they fit, else float32; may be infinite."""


@dataclass(frozen=True, slots=True, eq=False)
class EpochOutputs:
    """Outputs for the validation images after one epoch, in order of position."""

    epoch: int
    positions: Numbers
    """`ImageRecord.position` of the images, int32 [N]."""
    labels: Numbers
    """True labels, int32 [N]."""
    answers: Numbers
    """Predicted labels, int32 [N]."""
    confidence: Numbers
    """Probability of the predicted label, float32 [N]."""
    rows: Numbers
    """Indices of the images with probabilities and features, int32 [M], equal in every epoch."""
    probabilities: Numbers
    """Softmax probabilities, float16 [M, classes]."""
    features: Numbers
    """Features projected on k principal components of the epoch [M, k]; [0, 0] if not finite."""
    spread: float
    """Total variance of the features."""
    stands_still: bool
    """True if the features equal the previous epoch's, because the whole backbone is frozen."""


def write_table(path: Path, tensors: Mapping[str, Numbers], about: Mapping[str, str]) -> None:
    """Write arrays to `path` whole or not at all."""
    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    # Not durable: synchronising two more files an epoch would slow the training of a head.
    with replacing(path, durable=False) as file:
        file.writelines(add_checksum(save(arrays, dict(about))))


def read_table(path: Path) -> tuple[dict[str, Numbers], dict[str, str]]:
    """Read arrays by name, and the metadata of the file.

    Raises:
        FileNotFoundError: there is no such file.
        RunNotReady: it is damaged.
    """
    try:
        verify(path)
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, Damaged) as error:
        # A missing file is not damaged: callers tell the two apart.
        if isinstance(error, FileNotFoundError):
            raise
        raise RunNotReady(
            f"The kept outputs in {path.name} cannot be read ({without_folders(str(error))}): "
            "train again."
        ) from error


def outputs_path(folder: Path, split: str) -> Path:
    return folder / f"{split}.safetensors"


def epoch_path(folder: Path, epoch: int) -> Path:
    return folder / "epochs" / f"{epoch:05}.safetensors"


def load_outputs(folder: Path, split: Literal["val", "test"]) -> KeptOutputs:
    """Load a run's outputs: "val" at its best epoch, or "test".

    Args:
        folder: `Artifacts.outputs` of the run.

    Raises:
        RunNotReady: they were not kept, or the file is damaged.
    """
    try:
        tensors, about = read_table(outputs_path(folder, split))
    except FileNotFoundError:
        raise RunNotReady(
            f"The logits and features of this run's {_TITLES[split]} images were not kept: it is "
            "older than that, or stopped before it had them. Train again to have them."
        ) from None
    return _made_of(KeptOutputs, tensors, epoch=int(about.get("epoch", 0)))


def list_epochs(folder: Path) -> list[int]:
    """List the recorded epochs in order; runs of early releases have none."""
    return sorted(int(path.stem) for path in (folder / "epochs").glob("*.safetensors"))


def load_epochs(folder: Path) -> Iterator[EpochOutputs]:
    """Yield every recorded epoch in order.

    Raises:
        RunNotReady: a file is damaged.
    """
    features: Numbers = np.zeros((0, 0), np.float16)
    spread = 0.0
    for epoch in list_epochs(folder):
        tensors, about = read_table(epoch_path(folder, epoch))
        # Features that did not change are stored once, in the first epoch that has them.
        stands_still = "features" not in tensors
        if not stands_still:
            features = tensors.pop("features")
            spread = float(about.get("spread", 0))
        more = {"features": features, "spread": spread, "stands_still": stands_still}
        yield _made_of(EpochOutputs, tensors, epoch=epoch, **more)


def drop_epochs(folder: Path, after: int) -> None:
    """Delete the records of epochs after `after`, which will be trained again."""
    for epoch in list_epochs(folder):
        if epoch > after:
            delete(epoch_path(folder, epoch))


def kept_files(folder: Path) -> list[Path]:
    """List the files that a continuing run takes over: all but the outputs of the test."""
    epochs = [epoch_path(folder, epoch) for epoch in list_epochs(folder)]
    return [path for path in (outputs_path(folder, "val"), *epochs) if path.is_file()]


def _made_of(kind: type[Kind], tensors: Mapping[str, Numbers], **more: Any) -> Kind:
    try:
        return kind(**tensors, **more)
    except TypeError as error:
        # Missing or unknown arrays: the fields of the record have changed since.
        raise RunNotReady(
            "Another version of TransferLab kept this run's outputs: train it again."
        ) from error
