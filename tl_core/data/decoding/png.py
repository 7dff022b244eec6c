"""Chunks of PNG files, and copies of a file without the metadata that keep it from being read."""

import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from struct import error, pack, unpack
from typing import BinaryIO, TypeVar

_T = TypeVar("_T")

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_KEPT = (
    # Colours, orientation and transparency; then transparency alone; at last none of these.
    (*_CRITICAL, b"tRNS", b"iCCP", b"eXIf"),
    (*_CRITICAL, b"tRNS"),
    _CRITICAL,
)


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield name, content and checksum of each chunk, until the file ends or is no PNG."""
    file.seek(0)
    if file.read(8) != SIGNATURE:
        return
    while len(head := file.read(8)) == 8:
        length, name = unpack(">I4s", head)
        yield name, file.read(length), file.read(4)


def significant_bits(file: BinaryIO) -> int | None:
    """Return the bits of a sample that the file declares as significant (chunk sBIT)."""
    for name, content, _ in chunks(file):
        if name == b"IDAT":
            return None
        if name == b"sBIT" and content:
            return max(content[:3])
    return None


def tolerating_metadata(file: BinaryIO, read: Callable[[BinaryIO], _T]) -> _T:
    """Read a file; if that fails, and it is a PNG, read copies without its metadata.

    Decoders refuse long texts and wrong checksums, which say nothing about the pixels.

    Raises:
        Exception: what `read` raised for the last copy, whose error is about the pixels.
    """
    try:
        return read(file)
    except Exception as error:
        failure = error
    for copy in _without_metadata(file):
        try:
            return read(copy)
        except Exception as error:
            failure = error
    raise failure


def _without_metadata(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield copies of a PNG file with ever less metadata, each shorter than the one before."""
    file.seek(0, 2)
    size = file.tell()
    for kept in _KEPT:
        copy = b"".join(_kept_parts(file, kept))
        if len(SIGNATURE) < len(copy) < size:
            size = len(copy)
            yield BytesIO(copy)


def _kept_parts(file: BinaryIO, kept: tuple[bytes, ...]) -> Iterator[bytes]:
    yield SIGNATURE
    for name, content, checksum in chunks(file):
        # The checksums of critical chunks are left to the decoder.
        if name in _CRITICAL or (name in kept and _is_sound(name, content, checksum)):
            yield pack(">I4s", len(content), name) + content + checksum


def _is_sound(name: bytes, content: bytes, checksum: bytes) -> bool:
    try:
        return bool(unpack(">I", checksum)[0] == zlib.crc32(name + content))
    except error:
        return False
