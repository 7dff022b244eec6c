"""Activations in the cache: written in blocks, read into memory or, if large, on demand."""

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tl_core.cache import Rows, Shelf
from tl_core.cancellation import NEVER, Stop
from tl_core.features.examples import OnDisk

_BLOCK_BYTES = 64 * 2**20
"""Size of a written block."""
_BLOCK_SECONDS = 10.0
"""Time after which a smaller block is written, too: the most that a killed process loses."""
_IN_MEMORY_BYTES = 512 * 2**20
"""Largest activations that are read into main memory whole; larger ones are read on demand."""
_SHARE_OF_GPU = 0.25
"""Share of a GPU's free memory that activations may take."""


class NoRoom(Exception):
    """Activations do not fit into the cache."""


class TooLarge(NoRoom):
    """Activations exceed the range of the data type of the cache."""


class RowWriter:
    """Collector of rows that writes them to a shelf in blocks."""

    def __init__(self, shelf: Shelf, dtype: np.dtype[np.floating[Any]]) -> None:
        self._shelf = shelf
        self._dtype = dtype
        self._keys: list[str] = []
        self._rows: list[np.ndarray] = []
        self._flushed = time.monotonic()

    def add(self, keys: Iterable[str], rows: Tensor) -> None:
        """Add rows [n, …] under their keys.

        Raises:
            NoRoom: the cache is full; as `TooLarge`, the data type cannot hold the values.
        """
        self._rows.append(_converted(rows.numpy(), self._dtype))
        self._keys += keys
        self.flush_older(_BLOCK_SECONDS)
        if sum(block.nbytes for block in self._rows) >= _BLOCK_BYTES:
            self.flush()

    def flush_older(self, seconds: float) -> None:
        """Write what there is if nothing was written for so long.

        Raises:
            NoRoom: the cache is full.
        """
        if time.monotonic() - self._flushed >= seconds:
            self.flush()

    def flush(self) -> None:
        if self._keys and not self._shelf.write(self._keys, np.concatenate(self._rows)):
            raise NoRoom("the cache is full")
        self._keys = []
        self._rows = []
        self._flushed = time.monotonic()


def _converted(rows: np.ndarray, dtype: np.dtype[np.floating[Any]]) -> np.ndarray:
    # Overflow is reported below as an error; numpy's warning would only repeat it.
    with np.errstate(over="ignore"):
        found = rows.astype(dtype, copy=False)
    # Infinities that the network itself computed are not the data type's fault.
    if found is not rows and not np.array_equal(np.isinf(found), np.isinf(rows)):
        largest = np.abs(rows[np.isfinite(rows)]).max()
        raise TooLarge(f"{largest:,.0f} where {dtype} ends at {np.finfo(dtype).max:,.0f}")
    return found


def read_rows(rows: Rows, views: int, device: torch.device, stop: Stop = NEVER) -> Tensor | OnDisk:
    """Read rows as [views, N, …]: a tensor on the device if it has room, else an `OnDisk`.

    Raises:
        Cancelled: the work was asked to stop.
    """
    if rows.n_bytes > _room_on(device):
        return OnDisk(rows, views)
    if device.type == "cuda":
        whole = _in_blocks(rows, device, stop)
    else:
        # Widened once here, since these are small; on a GPU rows keep their type to save memory.
        whole = torch.from_numpy(rows.gather(range(len(rows)))).float().to(device)
    return whole.view(views, -1, *whole.shape[1:])


def _room_on(device: torch.device) -> int:
    """Return the bytes of memory that activations may take on the device."""
    if device.type != "cuda":
        return _IN_MEMORY_BYTES
    free, _ = torch.cuda.mem_get_info(device)
    return int(_SHARE_OF_GPU * free)


def _in_blocks(rows: Rows, device: torch.device, stop: Stop) -> Tensor:
    """Copy all rows [rows, …] to the device block by block, to spare main memory."""
    # The first row tells shape and data type of all.
    first = torch.from_numpy(rows.gather([0]))
    whole = torch.empty((len(rows), *first.shape[1:]), dtype=first.dtype, device=device)
    for block in torch.split(torch.arange(len(rows)), max(1, _BLOCK_BYTES // first.nbytes)):
        stop.check()
        whole[block[0] : block[-1] + 1] = torch.from_numpy(rows.gather(block.numpy()))
    return whole
