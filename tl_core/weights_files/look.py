"""Looking into weights files from other people, in a child process that may die."""

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from tl_core.errors import WeightsMismatch, WeightsUnavailable
from tl_core.sandbox import Allowance, Answer, Child, ChildDied, Refusal

_CPU_SECONDS = 60.0
_ALLOWANCE = Allowance(
    # Only names and shapes are read, none of the values.
    memory=2**30,
    cpu_seconds=_CPU_SECONDS,
    wall_seconds=5 * _CPU_SECONDS,
    answer_bytes=0,
)
_MOST_DIMENSIONS = 16


def look_into(file: Path, allowance: Allowance = _ALLOWANCE) -> dict[str, Tensor]:
    """Return the tensors of a weights file on the meta device, as `read_tensors` would.

    Raises:
        WeightsMismatch: the file is damaged, holds something else, or is made to do harm.
        WeightsUnavailable: it is not there any more.
    """
    try:
        status = file.stat()
    except OSError as error:
        raise WeightsUnavailable(
            f"The weights file {file.name} cannot be read ({error.strerror}): choose other weights."
        ) from error
    # Starting a child with torch takes seconds, and a file is looked into before each run.
    return dict(_look(file, status.st_size, status.st_mtime_ns, allowance))


@lru_cache(maxsize=32)
def _look(file: Path, size: int, changed: int, allowance: Allowance) -> dict[str, Tensor]:
    child = Child("tl_core.weights_files.child")
    try:
        answer = child.ask("look", {"path": str(file)}, b"", allowance)
    except Refusal as refusal:
        raise WeightsMismatch(str(refusal)) from None
    except ChildDied as died:
        too_much = {"time": "takes too long", "memory": "takes too much memory"}
        what = too_much.get(died.reason, "ends the process that reads it")
        raise WeightsMismatch(
            f"The weights file {file.name} {what}: it is damaged, or made to do harm. "
            "Save the state dict again, best as .safetensors."
        ) from died
    finally:
        child.close()
    return _tensors(file, answer)


def _tensors(file: Path, answer: Answer) -> dict[str, Tensor]:
    """Make tensors of an answer, which is checked, since the child may have been taken over."""
    try:
        tensors = {}
        for name, shape, is_float in answer.message["tensors"]:
            if len(shape) > _MOST_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
                raise ValueError(name)
            kind = torch.float32 if is_float else torch.int64
            tensors[str(name)] = torch.empty(tuple(shape), dtype=kind, device="meta")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsMismatch(
            f"The weights file {file.name} is damaged, or made to do harm. Save the state dict "
            "again, best as .safetensors."
        ) from error
    return tensors
