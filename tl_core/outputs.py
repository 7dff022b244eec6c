"""What a run's model said, on disk: logits and features of validation and test, and a small record of every epoch.

Tables of numbers in safetensors files, in the run's folder. Each is put in place whole, and never written into again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from tl_core.errors import RunNotReady
from tl_core.files import write_whole

Numbers = NDArray[Any]
Kind = TypeVar("Kind")
_TITLES = {"val": "validation", "test": "test"}


@dataclass(frozen=True, slots=True, eq=False)
class KeptOutputs:
    """Of every image of one side of the split, in order of position."""

    epoch: int
    """Of validation, whose weights it was, counted from 1; 0 for the test, which is of the same."""
    positions: Numbers
    """Int64 [N]: the images' `ImageRecord.position`."""
    labels: Numbers
    """Int64 [N]."""
    logits: Numbers
    """Float32 [N, classes]."""
    rows: Numbers
    """Int64 [M]: which of the N images have features here; all, unless they are very many."""
    features: Numbers
    """Float16 [M, features] where that holds them, else float32: what entered the head. Perhaps not finite."""


@dataclass(frozen=True, slots=True, eq=False)
class EpochOutputs:
    """Of the validation images after one epoch, in order of position."""

    epoch: int
    positions: Numbers
    """Int32 [N]."""
    labels: Numbers
    """Int32 [N]."""
    answers: Numbers
    """Int32 [N]: the likeliest class."""
    confidence: Numbers
    """Float32 [N]: in that answer."""
    rows: Numbers
    """Int32 [M]: the images, the same in every epoch, of which there is more."""
    probabilities: Numbers
    """Float16 [M, classes]."""
    features: Numbers
    """Float [M, k]: along the epoch's own principal components, the largest first; [0, 0] where not finite."""
    spread: float
    """Variance of the features in all their directions together."""
    stands_still: bool
    """True where the features are those of the epoch before, because the whole backbone is frozen."""


def write_table(path: Path, tensors: Mapping[str, Numbers], about: Mapping[str, str]) -> None:
    """Put a file of arrays in place; a reader, or a crash, finds all of it or nothing new."""
    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    # Not durable: synchronising two more files an epoch would slow the training of a head.
    write_whole(path, save(arrays, dict(about)), durable=False)


def read_table(path: Path) -> tuple[dict[str, Numbers], dict[str, str]]:
    """(arrays by name, what is said about them).

    Raises:
        FileNotFoundError: there is no such file.
        RunNotReady: it is damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise RunNotReady(
            f"The kept outputs in {path.name} cannot be read ({error}): train again."
        ) from error


def outputs_path(folder: Path, split: str) -> Path:
    return folder / f"{split}.safetensors"


def epoch_path(folder: Path, epoch: int) -> Path:
    return folder / "epochs" / f"{epoch:05}.safetensors"


def load_outputs(folder: Path, split: Literal["val", "test"]) -> KeptOutputs:
    """What a run's model said about a side: "val" at its best epoch, "test" at the end.

    Args:
        folder: `Artifacts.outputs` of the run.

    Raises:
        RunNotReady: they were not kept, or the file is damaged.
    """
    try:
        tensors, about = read_table(outputs_path(folder, split))
    except FileNotFoundError:
        raise RunNotReady(
            f"The logits and features of this run's {_TITLES[split]} images were not kept: it is older than that, or "
            "stopped before it had them. Train again to have them."
        ) from None
    return _made_of(KeptOutputs, tensors, epoch=int(about.get("epoch", 0)))


def list_epochs(folder: Path) -> list[int]:
    """The epochs of which there is a record, in order; none of an older run."""
    return sorted(int(path.stem) for path in (folder / "epochs").glob("*.safetensors"))


def load_epochs(folder: Path) -> Iterator[EpochOutputs]:
    """Every epoch of which there is a record, in order.

    Raises:
        RunNotReady: a file is damaged.
    """
    before: tuple[Numbers, float] = np.zeros((0, 0), np.float16), 0.0
    for epoch in list_epochs(folder):
        tensors, about = read_table(epoch_path(folder, epoch))
        stands_still = "features" not in tensors
        before = (
            before if stands_still else (tensors.pop("features"), float(about.get("spread", 0)))
        )
        more = {"features": before[0], "spread": before[1], "stands_still": stands_still}
        yield _made_of(EpochOutputs, tensors, epoch=epoch, **more)


def drop_epochs(folder: Path, after: int) -> None:
    """Forget the epochs after that one, which are about to be done again."""
    for epoch in list_epochs(folder):
        if epoch > after:
            epoch_path(folder, epoch).unlink(missing_ok=True)


def kept_files(folder: Path) -> list[Path]:
    """What a run that carries on from this one takes over: all but the test's, below `folder`."""
    epochs = [epoch_path(folder, epoch) for epoch in list_epochs(folder)]
    return [path for path in (outputs_path(folder, "val"), *epochs) if path.is_file()]


def _made_of(kind: type[Kind], tensors: Mapping[str, Numbers], **more: Any) -> Kind:
    try:
        return kind(**tensors, **more)
    except TypeError as error:
        raise RunNotReady(
            "Another version of TransferLab kept this run's outputs: train it again."
        ) from error
