"""ICC profiles written by hand, for tests."""

import struct
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageCms

SRGB = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
DISPLAY_P3 = np.array(
    [[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]]
)
ADOBE = np.array([[0.6097, 0.2053, 0.1492], [0.3111, 0.6257, 0.0632], [0.0195, 0.0609, 0.7446]])
"""Columns are the primaries in XYZ, adapted to D50."""
WHITE = (0.9642, 1.0, 0.8249)


def fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def xyz(values) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(fixed(value) for value in values)


def gamma(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"


def text(words: str) -> bytes:
    content = words.encode() + b"\0"
    described = struct.pack(">I", len(content)) + content + bytes(4 + 4 + 2 + 1 + 67)
    return padded(b"desc\0\0\0\0" + described)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def profile(space: bytes, parts: Mapping[bytes, bytes], kind=b"mntr", pcs=b"XYZ ") -> bytes:
    parts = {
        b"desc": text("Test"),
        b"cprt": padded(b"text\0\0\0\0Free\0"),
        b"wtpt": xyz(WHITE),
        **parts,
    }
    offset = 128 + 4 + 12 * len(parts)
    table = struct.pack(">I", len(parts))
    body = b""
    for name, content in parts.items():
        table += struct.pack(">4sII", name, offset + len(body), len(content))
        body += content
    size = offset + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, kind, space, pcs)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += b"".join(fixed(value) for value in WHITE)
    return head.ljust(128, b"\0") + table + body


def rgb_profile(primaries=DISPLAY_P3, exponent: float = 2.2) -> bytes:
    columns = {
        name: xyz(column)
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries.T, strict=True)
    }
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma(exponent))
    return profile(b"RGB ", {**columns, **curves})


def grey_profile(exponent: float = 1.4) -> bytes:
    return profile(b"GRAY", {b"kTRC": gamma(exponent)})


def cmyk_profile() -> bytes:
    """A press whose inks are muted: a table of 16 mixtures in Lab."""
    inks = (
        np.array([[60, 160, 200], [190, 60, 130], [240, 225, 60], [55, 50, 48]], np.float64) / 255
    )
    corners = [[i >> 3 & 1, i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(16)]
    mixed = [
        np.prod([ink if on else np.ones(3) for ink, on in zip(inks, each, strict=True)], 0)
        for each in corners
    ]
    colours = Image.fromarray((np.array([mixed]) * 255).astype(np.uint8))
    to_lab = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    lab = ImageCms.profileToProfile(colours, *to_lab, outputMode="LAB")
    # Pillow keeps a and b with a sign; the table counts from 128.
    values = np.frombuffer(lab.tobytes(), np.uint8).reshape(16, 3).copy()
    values[:, 1:] ^= 128
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0))
    table += b"".join(fixed(value) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    table += ramp * 4 + values.tobytes() + ramp * 3
    return profile(b"CMYK", {b"A2B0": padded(table)}, kind=b"prtr", pcs=b"Lab ")
