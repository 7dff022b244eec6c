"""Valid and damaged files for the tests of `tl_core.data`."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tl_core.records import ImageRecord
from tl_core.settings import Limits

LIMITS = Limits()
LAYOUT = {"cats": 3, "dogs": 4}


def picture(seed: int = 0, size: tuple[int, int] = (24, 18)) -> Image.Image:
    """Draw a smooth picture that differs from seed to seed."""
    corners = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC)


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(seed: int = 0) -> bytes:
    return encode(picture(seed))


def good_files(counts: Mapping[str, int] = LAYOUT) -> dict[str, bytes]:
    names = [f"{label}/{index}.png" for label, count in counts.items() for index in range(count)]
    return {name: png(seed) for seed, name in enumerate(names)}


def zipped(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return root


def everything_under(path: Path) -> list[str]:
    return sorted(str(file.relative_to(path)) for file in path.rglob("*"))


def raw_zip(entries: list[tuple[bytes, bytes, dict[str, Any]]]) -> bytes:
    """Write a zip by hand, so that its headers can be false.

    Each entry is a name, compressed bytes and header fields: method, crc, packed_size, size, flags,
    system (which packed it; Unix by default), mode (of Unix), extra, and the offset of the local
    header, with which entries can overlap.
    """
    body = b""
    directory = b""
    for name, packed, fields in entries:
        offset = fields.get("offset", len(body))
        extra = fields.get("extra", b"")
        common = struct.pack(
            "<HHHHHIIIH",
            20,
            fields.get("flags", 0),
            fields.get("method", 8),
            0,
            33,
            fields.get("crc", 0),
            fields.get("packed_size", len(packed)),
            fields.get("size", len(packed)),
            len(name),
        )
        mode = fields.get("mode", 0o100644)
        rest = struct.pack("<HHHHII", len(extra), 0, 0, 0, mode << 16, offset)
        system = fields.get("system", 3)
        directory += b"PK\x01\x02\x14" + bytes([system]) + common + rest + name + extra
        if "offset" not in fields:
            body += b"PK\x03\x04" + common + struct.pack("<H", 0) + name + packed
    count = len(entries)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end


def honest(content: bytes, name: bytes, **fields: Any) -> tuple[bytes, bytes, dict[str, Any]]:
    """Return an entry for `raw_zip` that is as it says."""
    return name, deflated(content), {"crc": zlib.crc32(content), "size": len(content), **fields}


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def image_record(position: int, sha: str, label: str, split: str | None = None) -> ImageRecord:
    return ImageRecord(position, sha, f"{label}/{position}.png", label, split, "png", 24, 18)
