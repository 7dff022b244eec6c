"""Image formats that are read, and other files recognised to say why they are not.

A file's format is told by its first bytes; its name plays no part.
"""

import struct
from collections.abc import Mapping
from typing import BinaryIO

HEAD_BYTES = 1024
"""Bytes to read from the start of a file, enough to reach `<svg` behind an XML declaration."""

EXTENSIONS = {
    "JPEG": "jpg",
    # Many phones write MPO into files named .jpg.
    "MPO": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "BMP": "bmp",
    "GIF": "gif",
    "TIFF": "tif",
    "JPEG2000": "jp2",
    "AVIF": "avif",
    "PPM": "pnm",
    "ICO": "ico",
    "TGA": "tga",
}
"""Formats that are read, by Pillow's names, with the extension under which a file is stored.

Only these plugins of Pillow ever see a file: some others are not meant for untrusted ones, such as
that for EPS, which starts Ghostscript.
"""
FORMATS_IN_WORDS = (
    "JPEG, PNG, WebP, BMP, GIF, TIFF, JPEG 2000, AVIF, PNM (PBM, PGM, PPM), TGA or ICO"
)

_SAVE = "Save it as JPEG or PNG."
_OWN_KINDS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    # BigTIFF, whose offsets have 64 bits.
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x01\x00": "ICO",
    **{b"P%d%c" % (digit, space): "PNM" for digit in range(1, 7) for space in b" \t\n\v\f\r#"},
}
_ARCHIVES = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}
ZIP_ARCHIVE = "a zip archive"
_OFFICE_MARKS = (b"[Content_Types].xml", b"mimetypeapplication/", b"META-INF/")
"""Names of files with which office documents and programs begin, which are zips of their own."""
_FOREIGN_KINDS = {
    b"%PDF": "a PDF document",
    b"8BPS": "a Photoshop file",
    b"%!PS": "a PostScript file",
    b"\x00\x00\x00\x0cJXL": "a JPEG XL file",
    b"\xff\x0a": "a JPEG XL file",
    b"\x00\x05\x16\x07": "a companion file of macOS (its name begins with ._), not an image",
    # The header of EBML, the format behind Matroska and WebM.
    b"\x1a\x45\xdf\xa3": "a video",
}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"}

_TARGA_HEADER = struct.Struct("<BBBHHBHHHHBB")
_TARGA_PIXELS = {
    (0, 2, 16),
    (0, 2, 24),
    (0, 2, 32),
    (0, 3, 8),
    (0, 3, 16),
    (1, 1, 8),
}
"""Colour map (0 or 1), image type without compression, and bits of a pixel, as Targa files have."""


def name_own_kind(head: bytes) -> str | None:
    """Return the supported format that the first bytes announce."""
    if head[4:8] == b"ftyp" and _brands(head) & _AVIF_BRANDS:
        return "AVIF"
    return _kind_of(head, _OWN_KINDS) or ("TGA" if is_targa(head) else None)


def name_foreign_kind(head: bytes) -> str | None:
    """Explain why these first bytes are no supported image; None if they may be one."""
    if not head:
        return "It is empty (0 bytes)."
    # ISO base media files begin with the length of their first box, then its name.
    if head[4:8] == b"ftyp":
        return _explain_media(_brands(head))
    if _is_svg(head):
        return f"It is an SVG drawing. {_SAVE}"
    if archive := name_archive(head):
        return f"It is {archive}, not an image. Images inside have to be unpacked first."
    kind = _kind_of(head, _FOREIGN_KINDS)
    if kind is None:
        return None
    can_be_saved = "not an image" not in kind and "video" not in kind
    return f"It is {kind}. {_SAVE}" if can_be_saved else f"It is {kind}."


def name_archive(head: bytes) -> str | None:
    """Return the kind of archive that the first bytes announce."""
    if head.startswith(b"PK\x03\x04"):
        is_office = any(mark in head for mark in _OFFICE_MARKS)
        return "an office document or a program" if is_office else ZIP_ARCHIVE
    if head[257:262] == b"ustar":
        return "a tar archive"
    return _kind_of(head, _ARCHIVES)


def readable_formats(head: bytes) -> list[str]:
    """Return the names of Pillow's formats that may read a file with these first bytes."""
    # Pillow has no opener for MPO: its JPEG opener recognises such files. Its opener for Targa
    # takes almost anything, so it only sees what has a whole Targa header.
    return [name for name in EXTENSIONS if name != "MPO" and (name != "TGA" or is_targa(head))]


def is_targa(head: bytes) -> bool:
    """Check for a Targa header.

    The format has no magic number: every field of the header has to be one that Targa files have,
    which random bytes are in less than one of a billion cases.
    """
    if len(head) < _TARGA_HEADER.size:
        return False
    _, mapped, kind, _, colours, colour_bits, _, _, width, height, bits, flags = (
        _TARGA_HEADER.unpack_from(head)
    )
    # Types 9 to 11 are 1 to 3 with run-length compression.
    if (mapped, kind & ~8, bits) not in _TARGA_PIXELS or not width or not height or flags >= 64:
        return False
    if mapped:
        return bool(colours and colour_bits in (16, 24, 32))
    return bool(colours == colour_bits == 0)


def icon_sizes(file: BinaryIO) -> list[tuple[int, int]]:
    """Return width and height of each picture inside an icon, from its headers alone.

    Pillow decodes an icon as soon as it is opened, before its size can be checked.

    Raises:
        struct.error: the file is cut off.
    """
    file.seek(4)
    (n,) = struct.unpack("<H", file.read(2))
    offsets = [struct.unpack("<12xI", file.read(16))[0] for _ in range(n)]
    return [_picture_size(file, offset) for offset in offsets]


def _picture_size(file: BinaryIO, offset: int) -> tuple[int, int]:
    file.seek(offset)
    start = file.read(24)
    if start.startswith(b"\x89PNG"):
        width, height = struct.unpack(">16xII", start)
    else:
        width, height = struct.unpack_from("<4xii", start)
        # The height of a bitmap in an icon counts its mask, too.
        height = abs(height) // 2
    return width, height


def _brands(head: bytes) -> set[bytes]:
    """Return the brands of an ISO base media file, the format that HEIC and AVIF share with MP4."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}


def _explain_media(brands: set[bytes]) -> str | None:
    # HEIC and AVIF share the brand mif1.
    if brands & _AVIF_BRANDS:
        return None
    kind = "a HEIC photo" if brands & _HEIC_BRANDS else "a video"
    return f"It is {kind}. {_SAVE}"


def _kind_of(head: bytes, kinds: Mapping[bytes, str]) -> str | None:
    return next((kind for magic, kind in kinds.items() if head.startswith(magic)), None)


def _is_svg(head: bytes) -> bool:
    # Text editors may put a byte order mark first.
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text)
