"""Augmentation of TransferLab against torchvision's own classes, on the same decoded images.

On the CPU, two threads crop, resize and augment 500 x 375 images to 224 pixels. On a CUDA GPU,
batches of cropped images are augmented, each image with its own draws. Images per second of
processor time depend less on other load of the machine than images per second do.
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from benchmarks.measuring import Options, Report, median, peak_mb, take_turns
from tl_core.config import AUGMENTATIONS, AugmentConfig
from tl_core.data.augment import apply_draws, vary
from tl_core.data.augment_draws import draw
from tl_core.memory import keep_freed_memory
from tl_core.records import Preprocessing

THREADS, BATCH = 2, 64
PRE = Preprocessing(224, 256, (0.5,) * 3, (0.5,) * 3, "bicubic")
SEEDS = count()
PHOTOS = AUGMENTATIONS["photos"]
TRIVIAL = AugmentConfig(crop=PHOTOS.crop, flip=True, policy="trivial")
CHANGES = {
    "photos": (PHOTOS, v2.ColorJitter(0.2, 0.2, 0.2)),
    "TrivialAugment": (TRIVIAL, v2.TrivialAugmentWide()),
}

Pass = Callable[[], int]
"""Process the images once and return their number."""


def run(options: Options) -> Report:
    keep_freed_memory()
    passes = cpu_passes(pictures(), images=8 if options.tiny else 128)
    if torch.cuda.is_available():
        passes |= cuda_passes()
    peaks = dict.fromkeys(passes, 0.0)
    measured = take_turns(
        {name: _measured(name, passes, peaks) for name in passes}, options.rounds + 1
    )
    rates = {name: pairs[1:] for name, pairs in measured.items()}  # the first time warms up
    rows = [
        (name, median(rate for rate, _ in pairs), median(busy for _, busy in pairs), peaks[name])
        for name, pairs in rates.items()
    ]
    return Report(
        "augment",
        "Augmentation: ours and torchvision's",
        ("way", "images/s", "images per processor second", "peak memory so far, MB"),
        rows,
        [f"to {PRE.size} px; CPU: {THREADS} threads; CUDA: batches of {BATCH}"],
        {"[images/s, images per processor second]": rates},
    )


def _measured(
    name: str, passes: dict[str, Pass], peaks: dict[str, float]
) -> Callable[[], tuple[float, float]]:
    def once() -> tuple[float, float]:
        started, busy = time.perf_counter(), time.process_time()
        n = passes[name]()
        found = n / (time.perf_counter() - started), n / (time.process_time() - busy)
        peaks[name] = peaks[name] or peak_mb()
        return found

    return once


def pictures() -> list[Image.Image]:
    """Make eight decoded images with large shapes and some grain."""
    rng = np.random.default_rng(0)
    shapes = [
        Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((500, 375))
        for _ in range(8)
    ]
    grain = rng.integers(-20, 20, (375, 500, 3))
    return [
        Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))
        for image in shapes
    ]


def cpu_passes(distinct: list[Image.Image], images: int) -> dict[str, Pass]:
    passes = {}
    decoded = distinct * (images // len(distinct))
    for name, (config, theirs) in CHANGES.items():
        crop = v2.RandomResizedCrop(
            PRE.size, (PHOTOS.crop, 1), interpolation=v2.InterpolationMode.BICUBIC
        )
        classes = [crop, v2.RandomHorizontalFlip(), theirs]
        passes |= {
            f"CPU, {name}: ours": _in_threads(
                decoded, lambda image, config=config: _ours(image, config)
            ),
            f"CPU, {name}: torchvision on Pillow": _in_threads(
                decoded, v2.Compose([*classes, v2.PILToTensor()])
            ),
            f"CPU, {name}: torchvision on tensors": _in_threads(
                decoded, v2.Compose([v2.PILToTensor(), *classes])
            ),
        }
    return passes


def cuda_passes() -> dict[str, Pass]:
    images = torch.stack(
        [_ours(image, AugmentConfig()) for image in pictures() * (BATCH // 8)]
    ).cuda()
    passes = {}
    for name, (config, theirs) in CHANGES.items():
        classes = v2.Compose([v2.RandomHorizontalFlip(), theirs])
        passes |= {
            f"CUDA, {name}: ours": lambda config=config: _on_device(
                images, lambda: _ours_on_device(images, config)
            ),
            f"CUDA, {name}: torchvision, image by image": lambda classes=classes: _on_device(
                images, lambda: torch.stack([classes(image) for image in images])
            ),
        }
    return passes


def _in_threads(images: list[Image.Image], work: Callable[[Image.Image], Tensor]) -> Pass:
    def once() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return len(list(pool.map(work, images)))

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
