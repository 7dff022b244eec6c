"""What a file is from its first bytes, to say why it cannot be used."""

HEAD_BYTES = 1024

_SAVE = "Save it as JPEG or PNG."
_OWN_KINDS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
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
    b"\x1a\x45\xdf\xa3": "a video",
}
_BRANDS = {b"heic": "a HEIC photo", b"avif": "an AVIF image"}
_SAME_BRANDS = {
    b"heix": b"heic",
    b"hevc": b"heic",
    b"heim": b"heic",
    b"mif1": b"heic",
    b"msf1": b"heic",
}


def name_own_kind(head: bytes) -> str | None:
    """The format we decode that the file claims to be."""
    return next((kind for magic, kind in _OWN_KINDS.items() if head.startswith(magic)), None)


def name_foreign_kind(head: bytes) -> str | None:
    """The reason why these first bytes cannot be an image of ours, or None where they may be."""
    if not head:
        return "It is empty (0 bytes)."
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return f"It is {_BRANDS.get(_SAME_BRANDS.get(brand, brand.replace(b'avis', b'avif')), 'a video')}. {_SAVE}"
    if _is_svg(head):
        return f"It is an SVG drawing. {_SAVE}"
    kind = next((kind for magic, kind in _FOREIGN_KINDS.items() if head.startswith(magic)), None)
    return kind and (
        f"It is {kind}." if "not an image" in kind or "video" in kind else f"It is {kind}. {_SAVE}"
    )


def _is_svg(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text)
