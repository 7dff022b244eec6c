"""Logits and features on disk: of validation after every epoch and at its best, and of the test."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tl_core.evaluation import Outputs
from tl_core.evaluation.projection import as_half, project
from tl_core.evaluation.sampling import sample_evenly
from tl_core.outputs import drop_epochs, epoch_path, outputs_path, write_table

MOST_IMAGES = 500
"""Validation images whose probabilities and features are stored after every epoch."""
MOST_FEATURES = 20_000
"""Images per side of the split whose features are stored at the best epoch or the test."""
COMPONENTS = 50
"""Principal components to which the features of an epoch are reduced."""


class OutputsKeeper:
    """Stores a run's validation outputs; without a folder it stores nothing."""

    def __init__(self, folder: Path | None, epochs_done: int = 0) -> None:
        """Delete records of epochs after the first `epochs_done`, which will be trained again."""
        self._folder = folder
        if folder:
            drop_epochs(folder, epochs_done)

    def keep(self, epoch: int, outputs: Outputs, *, is_best: bool, stands_still: bool) -> None:
        """Store the validation outputs of an epoch.

        Args:
            stands_still: nothing in front of the head is trained, so that the features equal those
                of the epoch before.
        """
        if self._folder is None:
            return
        if is_best:
            _write_side(self._folder, "val", epoch, outputs)
        # Unchanged features are read from the record of the epoch before.
        is_known = stands_still and epoch_path(self._folder, epoch - 1).is_file()
        _write_epoch(self._folder, epoch, outputs, with_features=not is_known)


def keep_test(folder: Path | None, outputs: Outputs) -> None:
    """Store the test outputs, if there is a folder."""
    if folder:
        _write_side(folder, "test", 0, outputs)


def _write_side(folder: Path, split: str, epoch: int, outputs: Outputs) -> None:
    order = np.argsort(outputs.positions)
    labels = outputs.labels.numpy()[order]
    rows = np.array(sample_evenly(labels.tolist(), MOST_FEATURES), dtype=np.int64)
    tensors = {
        "positions": np.array(outputs.positions, dtype=np.int64)[order],
        "labels": labels,
        "logits": outputs.logits.float().numpy()[order],
        "rows": rows,
        "features": as_half(_features(outputs, order[rows])),
    }
    write_table(outputs_path(folder, split), tensors, {"epoch": str(epoch)})


def _write_epoch(folder: Path, epoch: int, outputs: Outputs, *, with_features: bool) -> None:
    # By position, so that the records of all epochs have their images in one order.
    order = np.argsort(outputs.positions)
    labels = outputs.labels.numpy()[order]
    rows = np.array(sample_evenly(labels.tolist(), MOST_IMAGES), dtype=np.int32)
    probabilities = outputs.logits.softmax(1).numpy()[order]
    tensors = {
        "positions": np.array(outputs.positions, dtype=np.int32)[order],
        "labels": labels.astype(np.int32),
        # From unrounded probabilities: rounding to half precision can make two of them equal.
        "answers": probabilities.argmax(1).astype(np.int32),
        "confidence": probabilities.max(1).astype(np.float32),
        "rows": rows,
        "probabilities": probabilities[rows].astype(np.float16),
    }
    spread = 0.0
    if with_features:
        tensors["features"], spread = _project(_features(outputs, order[rows]))
    write_table(epoch_path(folder, epoch), tensors, {"spread": repr(spread)})


def _features(outputs: Outputs, rows: NDArray[Any]) -> NDArray[Any]:
    """Return the features at `rows` in main memory, float32 [M, D]; [M, 0] where there are none."""
    if not outputs.features:
        return np.zeros((len(rows), 0), dtype=np.float32)
    # Selected on the device, so that only the chosen rows are transferred, all at once.
    chosen = torch.cat(outputs.features)[torch.from_numpy(rows)]
    features: NDArray[Any] = chosen.float().cpu().numpy()
    return features


def _project(features: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Return (principal components, spread); an empty array and 0 where values are not finite."""
    if not features.size or not np.isfinite(features).all():
        return np.zeros((0, 0), dtype=np.float16), 0.0
    projection = project(features, COMPONENTS)
    return as_half(projection.points), projection.spread
