"""A forward pass with glibc's own ways of handing memory back, and with `keep_freed_memory`.

Run `python -m benchmarks.memory`. Each repetition starts both ways in fresh processes, one after the other; the
medians and their ratio are printed as JSON.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time

import torch

from tl_core.backbones import build_library_model, get_backbone
from tl_core.backbones.build import stage_modules
from tl_core.memory import keep_freed_memory

BACKBONE, BATCH, BATCHES, REPETITIONS = "tf_efficientnet_lite0", 32, 6, 5


def main() -> None:
    rates: dict[str, list[float]] = {"default": [], "kept": []}
    for _ in range(REPETITIONS):
        for way, found in rates.items():
            command = [sys.executable, "-m", "benchmarks.memory", way]
            found.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))  # noqa: S603
    medians = {way: statistics.median(found) for way, found in rates.items()}
    report = {
        "what": f"images/s through {BACKBONE}, batch {BATCH}, in a thread that is not the main one",
        "median": medians,
        "ratio": medians["kept"] / medians["default"],
        "all": rates,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}",
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def measure(way: str) -> None:
    if way == "kept":
        keep_freed_memory()
    worker = threading.Thread(target=_pass_batches)
    worker.start()
    worker.join()


def _pass_batches() -> None:
    backbone = get_backbone(BACKBONE)
    stages = torch.nn.Sequential(*stage_modules(backbone, build_library_model(backbone))).eval()
    stages.to(memory_format=torch.channels_last)
    side = backbone.preprocessing.size
    images = torch.randn(BATCH, 3, side, side).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        stages(images)
        started = time.perf_counter()
        for _ in range(BATCHES):
            stages(images)
    sys.stdout.write(f"{BATCH * BATCHES / (time.perf_counter() - started)}\n")


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
