"""Predict the classes of images:    python predict.py [--json] photo.jpg folder/ …

Needs onnxruntime, numpy and pillow; and beside it the folder decoding and model.onnx, whose
metadata holds labels and preprocessing (the same as preprocess.json). Images are read and resized
exactly as in training and test, since another resize changes the predictions. verify.py checks that
nothing has changed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from struct import unpack
from typing import Any

import numpy as np
from PIL import Image

from tl_core.data.decoding import read_upright

HERE = Path(__file__).resolve().parent
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Formats that the app reads, too, which are those that predict.py reads.
FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "JPEG2000", "AVIF", "PPM", "ICO"]
# Targa files have no magic number, but only these colour maps, types and bits of a pixel.
TARGA = {(0, 2, 16), (0, 2, 24), (0, 2, 32), (0, 3, 8), (0, 3, 16), (1, 1, 8)}
JUNK = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information"}


class Model:
    """Exported ONNX model with its labels and preprocessing."""

    def __init__(self, file: Path = HERE / "model.onnx") -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        metadata = self.session.get_modelmeta().custom_metadata_map
        self.labels: list[str] = json.loads(metadata["labels"])
        self.preprocess: dict[str, Any] = json.loads(metadata["preprocess"])
        copy = file.parent / "preprocess.json"
        if copy.is_file() and json.loads(copy.read_text("utf-8")) != self.preprocess:
            sys.exit(f"FAILED: {copy} differs from {file.name}: they do not belong together.")

    def logits(self, file: Path) -> np.ndarray:
        """Return the unnormalised score per label; softmax turns it into probabilities."""
        pixels = prepare(open_rgb(file, self.preprocess), self.preprocess)
        images = normalise(pixels, self.preprocess)[None]
        return np.asarray(self.session.run(None, {"images": images})[0][0], np.float64)

    def probabilities(self, file: Path) -> np.ndarray:
        probabilities = np.exp(log_softmax(self.logits(file)))
        if not np.isfinite(probabilities).all():
            raise ArithmeticError("the model's output is not a number")
        return np.asarray(probabilities)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


def open_rgb(file: Path, preprocess: dict[str, Any]) -> Image.Image:
    """Open an image upright, in 8-bit sRGB; large JPEGs are decoded at a reduced size."""
    side = 2 * preprocess["resize"]
    formats = [*FORMATS, "TGA"] if is_targa(file) else FORMATS

    def ask_for_draft(image: Image.Image) -> None:
        image.draft(None, (side, side))

    with file.open("rb") as stream:
        return read_upright(stream, formats, preprocess.get("levels"), ask_for_draft).pixels


def is_targa(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(18)
    if len(head) < 18:
        return False
    _, mapped, kind, _, colours, depth, _, _, *size, bits, flags = unpack("<BBBHHBHHHHBB", head)
    if (mapped, kind & ~8, bits) not in TARGA or 0 in size or flags >= 64:
        return False
    return colours > 0 and depth in (16, 24, 32) if mapped else colours == depth == 0


def prepare(image: Image.Image, preprocess: dict[str, Any]) -> np.ndarray:
    """Resize the short side and crop the central square: bytes [size, size, 3]."""
    size = preprocess["size"]
    kind = preprocess["interpolation"]
    width, height = image.size
    short = min(width, height)
    new_width, new_height = (preprocess["resize"] * side // short for side in image.size)
    left, top = (round((side - size) / 2) for side in (new_width, new_height))
    if preprocess["resized_by"] == "pytorch" and max(width, height) <= 3 * short:
        columns = resize(np.asarray(image).swapaxes(0, 1), new_width, kind)[left : left + size]
        return resize(columns.swapaxes(0, 1), new_height, kind)[top : top + size]
    x = width / new_width
    y = height / new_height
    box = left * x, top * y, min((left + size) * x, width), min((top + size) * y, height)
    return np.array(image.resize((size, size), FILTERS[kind], box=box))


def resize(pixels: np.ndarray, length: int, kind: str) -> np.ndarray:
    """Resize the first axis exactly as PyTorch resizes bytes, with 16-bit integer weights."""
    weights = [weigh(place, len(pixels), length, kind) for place in range(length)]
    largest = max(share.max() for _, share in weights)
    bits = max(n for n in range(23) if int(0.5 + largest * 2**n) < 2**15)
    resized = np.empty((length, *pixels.shape[1:]), np.uint8)
    for place, (span, share) in enumerate(weights):
        integers = np.trunc(share * 2**bits + np.copysign(0.5, share)).astype(np.int32)
        total = np.tensordot(integers, pixels[span].astype(np.int32), 1) + (1 << (bits - 1))
        resized[place] = np.clip(total >> bits, 0, 255)
    return resized


def weigh(place: int, before: int, after: int, kind: str) -> tuple[slice, np.ndarray]:
    """Return the span of the `before` pixels that make up one of `after`, and their weights."""
    scale = before / after
    stretch = max(scale, 1.0)
    reach = stretch * (2 if kind == "bicubic" else 1)
    centre = scale * (place + 0.5)
    first = max(int(centre - reach + 0.5), 0)
    last = min(int(centre + reach + 0.5), before)
    x = np.abs((np.arange(first, last) - centre + 0.5) * (1 / stretch))
    weights = np.maximum(1 - x, 0.0)
    if kind == "bicubic":
        near = (1.5 * x - 2.5) * x * x + 1
        far = ((-0.5 * x + 2.5) * x - 4) * x + 2
        weights = np.where(x < 1, near, np.where(x < 2, far, 0.0))
    return slice(first, last), weights / weights.sum()


def normalise(pixels: np.ndarray, preprocess: dict[str, Any]) -> np.ndarray:
    """Return the pixels as float32 [3, size, size], normalised by mean and standard deviation."""
    mean = np.array(preprocess["mean"], np.float32) * np.float32(255)
    std = np.array(preprocess["std"], np.float32) * np.float32(255)
    return np.ascontiguousarray(((pixels.astype(np.float32) - mean) / std).transpose(2, 0, 1))


def every_file(paths: list[Path]) -> Iterator[Path]:
    """Yield the files, and those in the folders without what systems and tools leave there."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(filter(Path.is_file, path.rglob("*"))):
            names = file.relative_to(path).parts
            if not any(name.startswith(".") or name.lower() in JUNK for name in names):
                yield file


def in_words(share: float) -> str:
    """Format a percentage; only exact values are shown as 0 or 100 %."""
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def main() -> int:
    parser = argparse.ArgumentParser(description="Predict the classes of images.")
    parser.add_argument("images", nargs="+", type=Path, help="image files or folders of images")
    parser.add_argument("--model", type=Path, default=HERE / "model.onnx", help="ONNX file to use")
    parser.add_argument("--top", type=int, default=3, help="number of labels to show")
    parser.add_argument("--json", action="store_true", help="print one line of JSON per image")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    model = Model(arguments.model)
    failed = 0
    for file in every_file(arguments.images):
        try:
            shares = model.probabilities(file)
        except Exception as error:  # Pillow raises almost any exception on damaged files
            failed += 1
            reason = "" if isinstance(error, ArithmeticError) else "cannot be read as an image: "
            print(f"{file}: {reason}{error}", file=sys.stderr)
            continue
        places = np.argsort(-shares, kind="stable")[: arguments.top]
        top = [{"label": model.labels[place], "p": float(shares[place])} for place in places]
        if arguments.json:
            print(json.dumps({"image": str(file), "top": top}))
        else:
            words = [f"{' '.join(each['label'].split())} {in_words(each['p'])}" for each in top]
            print(f"{file}: {', '.join(words)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
