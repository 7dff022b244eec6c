"""Forward passes with glibc's default return of freed memory, and with `keep_freed_memory`.

Each turn is a new process that passes batches through a backbone in a thread other than its main
one.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import torch

from benchmarks.measuring import (
    ROOT,
    Finished,
    Options,
    Report,
    median,
    peak_mb,
    run_command,
    take_turns,
)
from tl_core.backbones import build_library_model, get_backbone
from tl_core.backbones.anatomy import cut_into_stages
from tl_core.memory import keep_freed_memory

BACKBONE, BATCH = "tf_efficientnet_lite0", 32
WAYS = ["default", "kept"]


def run(options: Options) -> Report:
    measured = _here if options.tiny else _in_a_process
    ways = {way: lambda way=way: measured(way) for way in WAYS}
    found = take_turns(ways, options.rounds)
    rates = {way: [float(each.output) for each in ended] for way, ended in found.items()}
    usual = median(rates["default"])
    return Report(
        "memory",
        "Freed memory: returned to the kernel, or kept",
        ("way", "images/s", "times the default", "peak memory, MB"),
        [
            (
                way,
                median(rates[way]),
                median(rates[way]) / usual,
                median(each.peak_mb for each in found[way]),
            )
            for way in WAYS
        ],
        [f"{BACKBONE}, batches of {BATCH}"],
        {"images/s": rates},
    )


def _in_a_process(way: str) -> Finished:
    return run_command([sys.executable, "-m", "benchmarks.memory", way], cwd=ROOT)


def _here(way: str) -> Finished:
    """Measure two images in this process, for a quick check.

    The setting cannot be undone, so the second way influences the turns that follow.
    """
    started = time.perf_counter()
    rate = _measure(way, batch=2, batches=1)
    return Finished(time.perf_counter() - started, peak_mb(), str(rate))


def _measure(way: str, batch: int, batches: int) -> float:
    """Return the images per second."""
    if way == "kept":
        keep_freed_memory()
    with ThreadPoolExecutor(1) as worker:
        return worker.submit(_pass_batches, batch, batches).result()


def _pass_batches(batch: int, batches: int) -> float:
    backbone = get_backbone(BACKBONE)
    stages = torch.nn.Sequential(
        *cut_into_stages(backbone, build_library_model(backbone))[0]
    ).eval()
    stages.to(memory_format=torch.channels_last)
    side = backbone.preprocessing.size
    images = torch.randn(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        stages(images)
        started = time.perf_counter()
        for _ in range(batches):
            stages(images)
    return batch * batches / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.stdout.write(f"{_measure(sys.argv[1], BATCH, batches=6)}\n")
