"""Memory and load of this machine's GPUs, as NVIDIA's own tool tells them.

Asking CUDA would make a context in the web server, which takes hundreds of megabytes of the GPU.
"""

import csv
import shutil
import subprocess
from dataclasses import dataclass

_SECONDS = 3
_FIELDS = "index,memory.used,memory.total,utilization.gpu"
_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Gpu:
    index: str
    used: float
    """Bytes of its memory."""
    total: float
    """Bytes of its memory."""
    load: float
    """Share of the last moments, 0 to 1, in which it computed."""


def read_gpus() -> list[Gpu]:
    """Read all GPUs; none where there are none, or where they do not answer."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_gpus(told.stdout)


def parse_gpus(table: str) -> list[Gpu]:
    """Read the tool's table; a GPU that cannot tell something, as one in parts, is left out."""
    gpus = []
    for row in csv.reader(table.splitlines(), skipinitialspace=True):
        try:
            index, used, total, load = row
            gpu = Gpu(index, float(used) * _MEBIBYTE, float(total) * _MEBIBYTE, float(load) / 100)
        except ValueError:
            continue
        gpus.append(gpu)
    return gpus
