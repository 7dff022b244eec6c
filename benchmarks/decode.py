"""Decoding of a JPEG into model input: TransferLab against Pillow and torchvision.

Images of 500 x 375 pixels and of 12 megapixels become 224 x 224, on one thread and on two; PyTorch
itself uses one thread each. Every way ends with bytes. Pixels are compared with those of Pillow and
torchvision's transforms, which decode the whole image and resize it with antialiasing. Peak memory
is that of a process that does nothing else.
"""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

from benchmarks.measuring import (
    ROOT,
    Cell,
    Options,
    Report,
    median,
    peak_mb,
    run_command,
    take_turns,
)
from benchmarks.pictures import draw_photo
from tl_core.data.loaders import read_input
from tl_core.memory import keep_freed_memory
from tl_core.records import Preprocessing

PRE = Preprocessing(224, 256, (0.5,) * 3, (0.5,) * 3, "bicubic")
MANY = 10**8
_CHANGES = [
    v2.Resize(PRE.resize, v2.InterpolationMode.BICUBIC, antialias=True),
    v2.CenterCrop(PRE.size),
]
_ON_PILLOW, _ON_TENSORS = v2.Compose([*_CHANGES, v2.PILToTensor()]), v2.Compose(_CHANGES)


def run(options: Options) -> Report:
    keep_freed_memory()
    kinds = {"500 x 375": ((500, 375), 3 if options.tiny else 64, 5)}
    kinds |= (
        {"1200 x 900": ((1200, 900), 2, 4)} if options.tiny else {"12 MP": ((4032, 3024), 12, 4)}
    )
    rows: list[tuple[Cell, ...]] = []
    raw = {}
    with TemporaryDirectory() as scratch, _one_thread():
        for kind, (size, n, grain) in kinds.items():
            folder = Path(scratch) / kind
            make_photos(folder, size, n, grain, options.data)
            differences = {way: _difference(folder, way) for way in WAYS}
            peaks = {way: peak_mb() if options.tiny else _peak_of(folder, way) for way in WAYS}
            found = _rates(folder, options.rounds)
            raw[kind] = {
                f"{way}, {threads} threads": rates for (way, threads), rates in found.items()
            }
            rows += [
                (
                    kind,
                    threads,
                    way,
                    rate,
                    rate / median(found[PEER, threads]),
                    differences[way],
                    peaks[way],
                )
                for (way, threads), rate in (
                    (which, median(rates)) for which, rates in found.items()
                )
            ]
    columns = (
        "images",
        "threads",
        "way",
        "images/s",
        "times Pillow",
        "difference of 255",
        "peak memory, MB",
    )
    notes = [f"Difference: mean over all pixels, from {PEER}."]
    return Report(
        "decode", "Decoding: from a JPEG to what a backbone gets", columns, rows, notes, raw
    )


def make_photos(folder: Path, size: tuple[int, int], n: int, grain: int, data: Path | None) -> None:
    """Write real photos, enlarged, or synthetic ones, with grain.

    The grain makes the files about as large as a camera's files of that size.

    Args:
        grain: standard deviation of the noise added to each pixel, of 255.
        data: folder of datasets.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    real = sorted(data.glob("imagenet_sample/*/*.jpg")) if data else []
    for i in range(n):
        small = (
            Image.open(real[i % len(real)]).convert("RGB") if real else draw_photo(rng, (400, 300))
        )
        noise = rng.normal(0, grain, (size[1], size[0], 1)).astype(np.float32)
        pixels = np.clip(np.asarray(small.resize(size, Image.Resampling.BICUBIC)) + noise, 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.jpg", quality=90)


def _ours(path: Path) -> Tensor:
    return read_input(path, PRE, MANY)


def _pillow(path: Path) -> Tensor:
    with Image.open(path) as image:
        found: Tensor = _ON_PILLOW(image.convert("RGB"))
    return found


def _torchvision(path: Path) -> Tensor:
    found: Tensor = _ON_TENSORS(decode_image(str(path), ImageReadMode.RGB))
    return found


PEER = "Pillow + torchvision's transforms"
WAYS: dict[str, Callable[[Path], Tensor]] = {
    "ours": _ours,
    PEER: _pillow,
    "torchvision's decoder + transforms": _torchvision,
}


def _rates(folder: Path, rounds: int) -> dict[tuple[str, int], list[float]]:
    """Measure images per second of each way, with one thread and with two."""
    turns = {
        f"{way}/{threads}": partial(_rate, folder, way, threads)
        for threads, way in product((1, 2), WAYS)
    }
    found = take_turns(turns, rounds + 1)  # the first time warms up
    return {(way, threads): found[f"{way}/{threads}"][1:] for threads, way in product((1, 2), WAYS)}


def _rate(folder: Path, way: str, threads: int) -> float:
    paths = sorted(folder.iterdir())
    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        list(pool.map(WAYS[way], paths))
        return len(paths) / (time.perf_counter() - started)


def _difference(folder: Path, way: str) -> float:
    """Return the mean absolute difference of the pixels over some images."""
    some = sorted(folder.iterdir())[:8]
    return float(
        np.mean(
            [(WAYS[way](path).float() - WAYS[PEER](path).float()).abs().mean() for path in some]
        )
    )


def _peak_of(folder: Path, way: str) -> float:
    return run_command([sys.executable, "-m", "benchmarks.decode", folder, way], cwd=ROOT).peak_mb


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    keep_freed_memory()
    with _one_thread():
        _rate(Path(sys.argv[1]), sys.argv[2], threads=2)
