"""A forward pass with glibc's own ways of handing memory back, and with `keep_freed_memory`.

Each turn is a fresh process that passes batches through a backbone in a thread which is not its main one.
"""

import sys
import threading
import time

import torch

from benchmarks.measuring import ROOT, Finished, Options, Report, median, run_command, take_turns
from tl_core.backbones import build_library_model, get_backbone
from tl_core.backbones.anatomy import cut_into_stages
from tl_core.memory import keep_freed_memory

BACKBONE, BATCH = "tf_efficientnet_lite0", 32
WAYS = ["default", "kept"]


def run(options: Options) -> Report:
    images = (2, 1) if options.tiny else (BATCH, 6)
    ways = {way: lambda way=way: _in_a_process(way, images) for way in WAYS}
    found = take_turns(ways, options.rounds)
    rates = {way: [float(each.output) for each in each_time] for way, each_time in found.items()}
    usual = median(rates["default"])
    return Report(
        "memory",
        "Freed memory: handed back to the kernel, or kept",
        ("way", "images/s", "times the default", "peak memory, MB"),
        [
            (way, median(rates[way]), median(rates[way]) / usual, median(each.peak_mb for each in found[way]))
            for way in WAYS
        ],
        [f"{BACKBONE}, batches of {images[0]}"],
        {"images/s": rates},
    )


def _in_a_process(way: str, images: tuple[int, int]) -> Finished:
    return run_command([sys.executable, "-m", "benchmarks.memory", way, *map(str, images)], cwd=ROOT)


def _measure(way: str, batch: int, batches: int) -> None:
    if way == "kept":
        keep_freed_memory()
    worker = threading.Thread(target=_pass_batches, args=(batch, batches))
    worker.start()
    worker.join()


def _pass_batches(batch: int, batches: int) -> None:
    backbone = get_backbone(BACKBONE)
    stages = torch.nn.Sequential(*cut_into_stages(backbone, build_library_model(backbone))[0]).eval()
    stages.to(memory_format=torch.channels_last)
    side = backbone.preprocessing.size
    images = torch.randn(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        stages(images)
        started = time.perf_counter()
        for _ in range(batches):
            stages(images)
    sys.stdout.write(f"{batch * batches / (time.perf_counter() - started)}\n")


if __name__ == "__main__":
    _measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
