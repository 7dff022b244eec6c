"""Our augmentation against torchvision's own classes, on the same decoded images.

Run `python -m benchmarks.augment`. On the CPU, two threads crop, resize and vary 500 x 375 images to 224 pixels; on a
CUDA GPU, where there is one, batches that are cropped already are varied, each image in its own way. Ways take turns;
the medians are printed as a table, and with all that was measured as JSON. Images per second of processor time depend
less on what else the machine does.
"""

import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from tl_core.config import AUGMENTATIONS, AugmentConfig
from tl_core.data.augment import apply_draws, vary
from tl_core.data.augment_draws import draw
from tl_core.memory import keep_freed_memory
from tl_core.records import Preprocessing

IMAGES, THREADS, BATCH, REPETITIONS = 128, 2, 64, 9
PRE = Preprocessing(224, 256, (0.5,) * 3, (0.5,) * 3, "bicubic")
SEEDS = count()
PHOTOS = AUGMENTATIONS["photos"]
TRIVIAL = AugmentConfig(crop=PHOTOS.crop, flip=True, policy="trivial")
CHANGES = {"photos": (PHOTOS, v2.ColorJitter(0.2, 0.2, 0.2)), "TrivialAugment": (TRIVIAL, v2.TrivialAugmentWide())}

Pass = Callable[[], int]
"""Does its work once and says over how many images."""


def main() -> None:
    keep_freed_memory()
    passes = cpu_passes(pictures())
    if torch.cuda.is_available():
        passes |= cuda_passes()
    measured = take_turns(passes)
    medians = {
        name: [statistics.median(rates) for rates in zip(*pairs, strict=True)] for name, pairs in measured.items()
    }
    report = {
        "what": f"[images/s, images per processor second] to {PRE.size} px; "
        f"CPU: {THREADS} threads; CUDA: batches of {BATCH}",
        "median": medians,
        "all": measured,
        "machine": _machine(),
    }
    sys.stdout.write(as_table(medians) + "\n" + json.dumps(report) + "\n")


def pictures() -> list[Image.Image]:
    """Eight decoded images with large shapes and some grain."""
    rng = np.random.default_rng(0)
    shapes = [Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((500, 375)) for _ in range(8)]
    grain = rng.integers(-20, 20, (375, 500, 3))
    return [Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8)) for image in shapes]


def cpu_passes(images: list[Image.Image]) -> dict[str, Pass]:
    passes = {}
    for name, (config, theirs) in CHANGES.items():
        crop = v2.RandomResizedCrop(PRE.size, (PHOTOS.crop, 1), interpolation=v2.InterpolationMode.BICUBIC)
        classes = [crop, v2.RandomHorizontalFlip(), theirs]
        passes |= {
            f"CPU, {name}: ours": _in_threads(images, lambda image, config=config: _ours(image, config)),
            f"CPU, {name}: torchvision on Pillow": _in_threads(images, v2.Compose([*classes, v2.PILToTensor()])),
            f"CPU, {name}: torchvision on tensors": _in_threads(images, v2.Compose([v2.PILToTensor(), *classes])),
        }
    return passes


def cuda_passes() -> dict[str, Pass]:
    images = torch.stack([_ours(image, AugmentConfig()) for image in pictures() * (BATCH // 8)]).cuda()
    passes = {}
    for name, (config, theirs) in CHANGES.items():
        classes = v2.Compose([v2.RandomHorizontalFlip(), theirs])
        passes |= {
            f"CUDA, {name}: ours": lambda config=config: _on_device(images, lambda: _ours_on_device(images, config)),
            f"CUDA, {name}: torchvision, image by image": lambda classes=classes: _on_device(
                images, lambda: torch.stack([classes(image) for image in images])
            ),
        }
    return passes


def take_turns(passes: dict[str, Pass]) -> dict[str, list[tuple[float, float]]]:
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in passes}
    for repetition in range(REPETITIONS + 1):
        for name, work in passes.items():
            started, busy = time.perf_counter(), time.process_time()
            n = work()
            if repetition:  # the first time warms up
                rates[name].append((n / (time.perf_counter() - started), n / (time.process_time() - busy)))
    return rates


def as_table(medians: dict[str, list[float]]) -> str:
    rows = [f"| {name} | {rate:,.0f} | {busy:,.0f} |" for name, (rate, busy) in medians.items()]
    return "\n".join(["| way | images/s | images per processor second |", "|---|---:|---:|", *rows])


def _in_threads(images: list[Image.Image], work: Callable[[Image.Image], Tensor]) -> Pass:
    def once() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return len(list(pool.map(work, images * (IMAGES // len(images)))))

    return once


def _ours(image: Image.Image, config: AugmentConfig) -> Tensor:
    return vary(image, PRE, config, (next(SEEDS),)).finished()


def _ours_on_device(images: Tensor, config: AugmentConfig) -> Tensor:
    size = (PRE.size, PRE.size)
    return apply_draws(images, [draw(config, random.Random(next(SEEDS)), size) for _ in images])


def _on_device(images: Tensor, work: Callable[[], Tensor]) -> int:
    work()
    torch.cuda.synchronize()
    return len(images)


def _machine() -> str:
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    return f"{platform.machine()}, {os.cpu_count()} cores{gpu}, {versions}"


if __name__ == "__main__":
    main()
