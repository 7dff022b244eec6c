"""Checksums of models, outputs and training states: in safetensors files, which have none, ours.

The CRC-32 of header and tensors lies in the header's metadata, so that it is written in one piece
with what it protects. Files of earlier releases and of other programs have none.
"""

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_KEY = "checksum"
_METADATA = "__metadata__"
_LENGTH_BYTES = 8
_BLOCK = 2**20


class Damaged(Exception):
    """File whose content is not what was written; the message says how that shows."""


def with_checksum(
    header: dict[str, Any], parts: Iterable[bytes | memoryview]
) -> Iterator[bytes | memoryview]:
    """Yield a safetensors file: its header with a checksum, then `parts`.

    Args:
        header: description of the tensors, with metadata of text.
        parts: bytes of the tensors in order; iterated over twice.
    """
    parts = list(parts)
    # Metadata that was read from another file brings that file's checksum along.
    metadata = {name: text for name, text in header.get(_METADATA, {}).items() if name != _KEY}
    checksum = _checksum({**header, _METADATA: metadata}, parts)
    text = json.dumps({**header, _METADATA: {**metadata, _KEY: checksum}}).encode()
    # Padded to a multiple of eight bytes, which aligns the tensors behind it.
    text += b" " * (-len(text) % _LENGTH_BYTES)
    yield from (len(text).to_bytes(_LENGTH_BYTES, "little"), text)
    yield from parts


def add_checksum(content: bytes) -> Iterator[bytes | memoryview]:
    """Yield the content of a safetensors file that the library made, with a checksum."""
    begin = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = json.loads(content[_LENGTH_BYTES:begin])
    return with_checksum(header, [memoryview(content)[begin:]])


def verify(path: Path) -> None:
    """Read a safetensors file and compare it with its checksum, if it has one.

    Raises:
        Damaged: it is not what was written.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if length > path.stat().st_size:
            raise Damaged("its header is cut off")
        try:
            header = json.loads(file.read(length))
            stated = header.get(_METADATA, {}).pop(_KEY, None)
        except (ValueError, AttributeError) as error:
            raise Damaged("its header is not one") from error
        if stated is None:
            return
        if stated != _checksum(header, iter(lambda: file.read(_BLOCK), b"")):
            raise Damaged("its checksum is wrong")


def verify_zip(path: Path) -> None:
    """Compare every part of a zip file, as `torch.save` writes one, with its CRC-32.

    torch writes these checksums and does not look at them when it reads.

    Raises:
        Damaged: it is not what was written.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
    except zipfile.BadZipFile as error:
        raise Damaged(str(error)) from error
    if damaged:
        raise Damaged(f"the checksum of {damaged} is wrong")


def _checksum(header: dict[str, Any], parts: Iterable[bytes | memoryview]) -> str:
    # In one order, whatever program wrote the header.
    checksum = zlib.crc32(json.dumps({_METADATA: {}, **header}, sort_keys=True).encode())
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return f"{checksum:08x}"
