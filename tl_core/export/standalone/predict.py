"""What does the model say?    python predict.py photo.jpg folder/ …    (--json for one line of JSON an image)

Needs onnxruntime, numpy and pillow, and model.onnx beside it, which carries its labels and its preprocessing (the same
as in preprocess.json). Images are read and resized here as they were when the model was trained and tested; another
resize gives other answers.
`python verify.py` tells whether it still answers as it did then.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

HERE = Path(__file__).resolve().parent
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What the camera's note (EXIF orientation) asks for."""


class Model:
    """An ONNX file that was exported with its labels and preprocessing."""

    def __init__(self, file: Path = HERE / "model.onnx") -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        about = self.session.get_modelmeta().custom_metadata_map
        self.labels: list[str] = json.loads(about["labels"])
        self.preprocess: dict[str, Any] = json.loads(about["preprocess"])
        beside = file.parent / "preprocess.json"
        if beside.is_file() and json.loads(beside.read_text("utf-8")) != self.preprocess:
            sys.exit(
                f"FAILED: {beside} and {file.name} differ on how images are read: they do not belong together."
            )

    def logits(self, file: Path) -> np.ndarray:
        """One number a label, from the least to the most likely unbounded; their softmax are the probabilities."""
        images = normalise(
            prepare(open_rgb(file, self.preprocess), self.preprocess), self.preprocess
        )[None]
        return np.asarray(self.session.run(None, {"images": images})[0][0], np.float64)

    def probabilities(self, file: Path) -> np.ndarray:
        if not np.isfinite(shares := np.exp(log_softmax(self.logits(file)))).all():
            raise ArithmeticError("the model's answer is not a number")
        return np.asarray(shares)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


# From a file to what the network sees


def open_rgb(file: Path, preprocess: dict[str, Any]) -> Image.Image:
    """The image upright, in 8-bit RGB. A JPEG much larger than needed is decoded at a half, a quarter or an eighth."""
    with Image.open(file) as image:
        image.draft(None, (2 * preprocess["resize"], 2 * preprocess["resize"]))
        image.load()
        try:
            turn = TURNS.get(image.getexif().get(0x0112, 1))
        except Exception:  # a broken note is no reason to refuse the image
            turn = None
        pixels = to_rgb(image)
    return pixels if turn is None else pixels.transpose(turn)


def to_rgb(image: Image.Image) -> Image.Image:
    """16 bits are scaled to 8 and not clipped; what is transparent becomes white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(to_8_bit(np.asarray(image))).convert("RGB")
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, *profiles, outputMode="RGB")  # type: ignore[return-value]
    if image.has_transparency_data:
        rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        white = Image.new("RGB", rgba.size, (255, 255, 255))
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image.convert("RGB")


def to_8_bit(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    numbers = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, white = float(numbers.min()), float(numbers.max())
    if low < 0 or white > 65535:  # no known scale: from its own darkest to its own brightest
        numbers, white = numbers - low, max(white - low, 1e-12)
    elif values.dtype.kind == "f" and white <= 255:
        white = 1.0 if white <= 1 else 255.0
    else:
        white = 65535.0
    return np.asarray(np.clip(numbers * (255 / white) + 0.5, 0, 255), np.uint8)


def prepare(image: Image.Image, preprocess: dict[str, Any]) -> np.ndarray:
    """The short side resized, and of that the middle square: bytes [size, size, 3]."""
    size, short_side, kind = preprocess["size"], preprocess["resize"], preprocess["interpolation"]
    width, height = image.size
    short = min(width, height)
    new_width, new_height = short_side * width // short, short_side * height // short
    left, top = round((new_width - size) / 2), round((new_height - size) / 2)
    if preprocess["resized_by"] == "pytorch" and max(width, height) <= 3 * short:
        columns = resize(np.asarray(image).swapaxes(0, 1), new_width, kind)[left : left + size]
        return resize(columns.swapaxes(0, 1), new_height, kind)[top : top + size]
    x, y = width / new_width, height / new_height
    box = left * x, top * y, min((left + size) * x, width), min((top + size) * y, height)
    return np.array(image.resize((size, size), FILTERS[kind], box=box))


def resize(pixels: np.ndarray, length: int, kind: str) -> np.ndarray:
    """The first axis of `pixels` to that length, bit by bit as PyTorch resizes bytes: with weights of 16 bits."""
    spans, weights = zip(
        *(weigh(place, len(pixels), length, kind) for place in range(length)), strict=True
    )
    most = max(each.max() for each in weights)
    bits = next(
        bits for bits in range(23) if bits == 22 or int(0.5 + most * 2 ** (bits + 1)) >= 2**15
    )
    resized = np.empty((length, *pixels.shape[1:]), np.uint8)
    for place, (span, share) in enumerate(zip(spans, weights, strict=True)):
        whole = np.trunc(share * 2**bits + np.copysign(0.5, share)).astype(np.int32)
        total = np.tensordot(whole, pixels[span].astype(np.int32), 1) + (1 << (bits - 1))
        resized[place] = np.clip(total >> bits, 0, 255)
    return resized


def weigh(place: int, before: int, after: int, kind: str) -> tuple[slice, np.ndarray]:
    """Which pixels of `before` make that one of `after`, and each one's share."""
    scale = before / after
    stretch = max(scale, 1.0)
    reach, centre = stretch * (2 if kind == "bicubic" else 1), scale * (place + 0.5)
    first, last = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), before)
    x = np.abs((np.arange(first, last) - centre + 0.5) * (1 / stretch))
    if kind == "bicubic":
        near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
        shares = np.where(x < 1, near, np.where(x < 2, far, 0.0))
    else:
        shares = np.maximum(1 - x, 0.0)
    return slice(first, last), shares / shares.sum()


def normalise(pixels: np.ndarray, preprocess: dict[str, Any]) -> np.ndarray:
    """Float32 [3, size, size], in the range that the network was trained on."""
    mean, std = (
        np.array(preprocess[name], np.float32) * np.float32(255) for name in ("mean", "std")
    )
    return np.ascontiguousarray(((pixels.astype(np.float32) - mean) / std).transpose(2, 0, 1))


# The command


def every_file(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        yield from (
            sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        )


def in_words(share: float) -> str:
    """0 and 100 % only where it is that."""
    if 0.9995 <= share < 1:
        return "> 99.9%"
    return "< 0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def main() -> int:
    parser = argparse.ArgumentParser(description="What does the model say about these images?")
    parser.add_argument("images", nargs="+", type=Path, help="image files, or folders of them")
    parser.add_argument(
        "--model", type=Path, default=HERE / "model.onnx", help="such as model.int8.onnx"
    )
    parser.add_argument("--top", type=int, default=3, help="how many labels to name")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each image")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    model, failed = Model(arguments.model), 0
    for file in every_file(arguments.images):
        try:
            shares = model.probabilities(file)
        except Exception as error:  # Pillow raises almost anything on what is no image
            failed += 1
            no_answer = "" if isinstance(error, ArithmeticError) else "cannot be read as an image: "
            print(f"{file}: {no_answer}{error}", file=sys.stderr)
            continue
        best = [
            (model.labels[i], float(shares[i]))
            for i in np.argsort(-shares, kind="stable")[: arguments.top]
        ]
        if arguments.json:
            print(
                json.dumps(
                    {"image": str(file), "top": [{"label": label, "p": p} for label, p in best]}
                )
            )
        else:
            print(
                f"{file}: "
                + ", ".join(f"{' '.join(label.split())} {in_words(p)}" for label, p in best)
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
