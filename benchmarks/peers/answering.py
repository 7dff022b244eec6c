"""Protocol of the turns: each line of input runs a turn and prints its result."""

import json
import resource
import sys
from collections.abc import Iterator
from typing import Any


def answer_turns(turns: Iterator[Any]) -> None:
    """Run turns until the input ends, then print the peak memory in MiB."""
    out, sys.stdout = sys.stdout, sys.stderr  # some libraries draw progress bars
    for _ in sys.stdin:
        out.write(json.dumps(next(turns)) + "\n")
        out.flush()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 2**10
    )
    out.write(json.dumps({"peak_mb": peak_mb, "gpu_mb": _gpu_mb()}) + "\n")
    out.flush()


def _gpu_mb() -> float | None:
    import torch

    return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None
