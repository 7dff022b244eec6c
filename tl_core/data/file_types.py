"""File formats recognised by their first bytes, to explain why a file cannot be used."""

from collections.abc import Mapping

HEAD_BYTES = 1024
"""Bytes to read from the start of a file, enough to reach `<svg` behind an XML declaration."""

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
}
_FOREIGN_KINDS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an office document, not an image",
    b"Rar!": "a RAR archive, not an image",
    b"7z\xbc\xaf": "a 7z archive, not an image",
    b"8BPS": "a Photoshop file",
    b"\x00\x00\x00\x0cjP": "a JPEG 2000 file",
    b"\xff\x4f\xff\x51": "a JPEG 2000 file",
    b"\x00\x00\x00\x0cJXL": "a JPEG XL file",
    b"\xff\x0a": "a JPEG XL file",
    b"\x00\x00\x01\x00": "an icon (ICO) file",
    # The header of EBML, the format behind Matroska and WebM.
    b"\x1a\x45\xdf\xa3": "a video",
}
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"), "a HEIC photo"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF image"),
}
"""Brands of the ISO base media file format, which HEIC and AVIF share with MP4."""


def name_own_kind(head: bytes) -> str | None:
    """Return the supported format that the first bytes announce."""
    return _kind_of(head, _OWN_KINDS)


def name_foreign_kind(head: bytes) -> str | None:
    """Explain why these first bytes are no supported image; None if they may be one."""
    if not head:
        return "It is empty (0 bytes)."
    # ISO base media files begin with the length of their first box, then its name.
    if head[4:8] == b"ftyp":
        return f"It is {_BRANDS.get(head[8:12], 'a video')}. {_SAVE}"
    if _is_svg(head):
        return f"It is an SVG drawing. {_SAVE}"
    kind = _kind_of(head, _FOREIGN_KINDS)
    if kind is None:
        return None
    can_be_saved = "not an image" not in kind and "video" not in kind
    return f"It is {kind}. {_SAVE}" if can_be_saved else f"It is {kind}."


def _kind_of(head: bytes, kinds: Mapping[bytes, str]) -> str | None:
    return next((kind for magic, kind in kinds.items() if head.startswith(magic)), None)


def _is_svg(head: bytes) -> bool:
    # Text editors may put a byte order mark first.
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text)
