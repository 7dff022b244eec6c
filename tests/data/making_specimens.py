"""Image files of unusual kinds, for comparisons with other decoders."""

import struct
import zlib

import numpy as np
from making import encode, picture
from PIL import Image, ImageCms

WIDTH = 12
HEIGHT = 10
GREY = (np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) * 546 + 97).astype(np.uint16)
COLOURS = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], -1)
ALPHA = (GREY.T.reshape(GREY.shape) // 3 * 3).astype(np.uint16)


def png(values: np.ndarray, kind: int, depth: int = 16, *chunks: tuple[bytes, bytes]) -> bytes:
    """Write a PNG of any depth: `values` [height, width] or [height, width, samples]."""
    height, width = values.shape[:2]
    rows = values.reshape(height, -1)
    if depth == 16:
        packed = rows.astype(">u2").view(np.uint8)
    elif depth == 8:
        packed = rows.astype(np.uint8)
    else:
        bits = rows[..., None].astype(np.uint8) >> np.arange(depth - 1, -1, -1) & 1
        packed = np.packbits(bits.reshape(height, -1), axis=1)
    filtered = b"".join(b"\0" + row.tobytes() for row in packed)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def tiff(
    planes: list[bytes],
    bits: tuple[int, ...],
    photometric: int,
    *,
    order: str = "<",
    sample_format: int = 1,
    extra: int | None = None,
    declared: int | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> bytes:
    """Write an uncompressed TIFF, of one strip for each plane."""
    n = len(bits)
    data = b"".join(planes)
    tags: list[tuple[int, int, list[int]]] = [
        (256, 3, [size[0]]),
        (257, 3, [size[1]]),
        (258, 3, list(bits)),
        (259, 3, [1]),
        (262, 3, [photometric]),
        (273, 4, list(np.cumsum([8, *map(len, planes[:-1])]).tolist())),
        (277, 3, [n]),
        (278, 3, [size[1]]),
        (279, 4, [len(plane) for plane in planes]),
        (284, 3, [2 if len(planes) > 1 else 1]),
        *([(281, 3, [declared] * n)] if declared else []),
        *([(338, 3, [extra])] if extra is not None else []),
        (339, 3, [sample_format] * n),
    ]
    tags.sort()
    place = 8 + len(data) + len(data) % 2
    behind = place + 2 + 12 * len(tags) + 4
    entries = b""
    values = b""
    for tag, kind, numbers in tags:
        content = struct.pack(order + ("H" if kind == 3 else "I") * len(numbers), *numbers)
        entries += struct.pack(order + "HHI", tag, kind, len(numbers))
        if len(content) <= 4:
            entries += content.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", behind + len(values))
            values += content + bytes(len(content) % 2)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    start = mark + struct.pack(order + "I", place) + data + bytes(len(data) % 2)
    return start + struct.pack(order + "H", len(tags)) + entries + bytes(4) + values


def planes(values: np.ndarray, order: str) -> list[bytes]:
    return [values[..., band].astype(order + "u2").tobytes() for band in range(values.shape[-1])]


def words(values: np.ndarray, order: str = "<") -> list[bytes]:
    return [values.astype(order + "u2").tobytes()]


def palette_png(depth: int) -> bytes:
    n = 2**depth
    indices = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) % n
    colours = np.random.default_rng(0).integers(0, 256, 3 * n, dtype=np.uint8).tobytes()
    clear = bytes([0, 128, 255, 60][: min(n, 4)])
    return png(indices, 3, depth, (b"PLTE", colours), (b"tRNS", clear))


def small_grey(depth: int) -> np.ndarray:
    return np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) % 2**depth


def bmp(bits: int, masks: tuple[int, ...], values: np.ndarray) -> bytes:
    """Write a BMP with a V4 header and bit masks; `values` [height, width] from the top."""
    kind = "<u2" if bits == 16 else "<u4"
    rows = b"".join(
        row.astype(kind).tobytes().ljust(-(-row.size * bits // 32) * 4, b"\0")
        for row in values[::-1]
    )
    height, width = values.shape
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, bits, 3, len(rows), 0, 0, 0, 0)
    header += struct.pack("<4I", *masks) + b"BGRs" + bytes(36 + 12)
    head = struct.pack("<2sIHHI", b"BM", 14 + len(header) + len(rows), 0, 0, 14 + len(header))
    return head + header + rows


def ycck_jpeg() -> bytes:
    """CMYK as Adobe's programs write it: inverted, and turned into YCCK."""
    return encode(picture(2, (32, 24)).convert("CMYK"), "JPEG", quality=98)


def lab_tiff() -> bytes:
    to_lab = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    lab = ImageCms.profileToProfile(picture(5, (WIDTH, HEIGHT)), *to_lab, outputMode="LAB")
    return encode(lab, "TIFF")


def transparent(size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    image = picture(4, size).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(size))
    return image


def animation(kind: str) -> bytes:
    frames = [picture(seed, (WIDTH, HEIGHT)) for seed in (1, 2)]
    return encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)


KEY = int(GREY[2, 3])
KEYS = struct.pack(">3H", *COLOURS[2, 3].tolist())
RGB16 = COLOURS
RGBA16 = np.dstack([COLOURS, ALPHA])
SPECIMENS: dict[str, bytes] = {
    "16-bit grey PNG": png(GREY, 0),
    "16-bit grey PNG with tRNS": png(GREY, 0, 16, (b"tRNS", struct.pack(">H", KEY))),
    "16-bit grey PNG with alpha": png(np.dstack([GREY, ALPHA]), 4),
    "16-bit RGB PNG": png(RGB16, 2),
    "16-bit RGB PNG with tRNS": png(RGB16, 2, 16, (b"tRNS", KEYS)),
    "16-bit RGBA PNG": png(RGBA16, 6),
    **{f"{depth}-bit grey PNG": png(small_grey(depth), 0, depth) for depth in (1, 2, 4)},
    **{
        f"{depth}-bit grey PNG with tRNS": png(small_grey(depth), 0, depth, (b"tRNS", b"\0\1"))
        for depth in (1, 2, 4)
    },
    **{f"{depth}-bit palette PNG with tRNS": palette_png(depth) for depth in (1, 2, 4, 8)},
    "16-bit grey TIFF": tiff(words(GREY), (16,), 1),
    "16-bit grey TIFF, big-endian": tiff(words(GREY, ">"), (16,), 1, order=">"),
    "16-bit WhiteIsZero TIFF": tiff(words(GREY), (16,), 0),
    "8-bit WhiteIsZero TIFF": tiff([(GREY >> 8).astype(np.uint8).tobytes()], (8,), 0),
    "16-bit RGB TIFF": tiff(words(RGB16), (16,) * 3, 2),
    "16-bit RGB TIFF, big-endian": tiff(words(RGB16, ">"), (16,) * 3, 2, order=">"),
    "16-bit grey TIFF, packed": encode(Image.fromarray(GREY), "TIFF", compression="tiff_lzw"),
    "16-bit RGBA TIFF": tiff(words(RGBA16), (16,) * 4, 2, extra=2),
    "16-bit planar RGB TIFF": tiff(planes(RGB16, "<"), (16,) * 3, 2),
    "16-bit planar RGB TIFF, big-endian": tiff(planes(RGB16, ">"), (16,) * 3, 2, order=">"),
    "16-bit planar RGBA TIFF": tiff(planes(RGBA16, "<"), (16,) * 4, 2, extra=2),
    "8-bit RGBA TIFF": encode(transparent(), "TIFF"),
    "1-bit TIFF": encode(Image.fromarray(GREY >> 8).convert("1"), "TIFF"),
    "palette TIFF": encode(picture(1, (WIDTH, HEIGHT)).convert("P"), "TIFF"),
    "CMYK TIFF": encode(picture(2, (WIDTH, HEIGHT)).convert("CMYK"), "TIFF"),
    "Lab TIFF": lab_tiff(),
    "YCCK JPEG": ycck_jpeg(),
    "grey JPEG": encode(picture(2, (32, 24)).convert("L"), "JPEG", quality=95),
    "32-bit BMP with alpha": encode(transparent(), "BMP"),
    "WebP with alpha": encode(transparent(), "WEBP", lossless=True, exact=True),
    "MPO": encode(picture(1, (32, 24)), "MPO", save_all=True, append_images=[picture(2, (32, 24))]),
    "animated GIF": animation("GIF"),
    "animated WebP": animation("WEBP"),
    "animated PNG": animation("PNG"),
}
