"""Messages between a parent and its child: a length, JSON, and bytes that follow it."""

import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">IQ")
"""Bytes of the JSON, then bytes of what follows it."""
_LONGEST_JSON = 64 * 2**20
"""Bytes of the longest message that is read; a child may be in the hands of an attacker."""


class BrokenWire(Exception):
    """Nothing more comes from the other side, or what came is no message."""


def send(stream: BinaryIO, message: dict[str, Any], n_bytes: int = 0) -> None:
    """Write a message after which `n_bytes` follow, written by the caller."""
    text = json.dumps(message).encode()
    stream.write(_LENGTHS.pack(len(text), n_bytes) + text)


def receive(stream: BinaryIO) -> tuple[dict[str, Any], int]:
    """Read a message; the caller reads the bytes that follow, whose number is returned.

    Raises:
        BrokenWire: there is none, or it cannot be read.
    """
    length, n_bytes = _LENGTHS.unpack(read_exactly(stream, _LENGTHS.size))
    if length > _LONGEST_JSON:
        raise BrokenWire("The message is too long.")
    try:
        message = json.loads(read_exactly(stream, length))
    except (ValueError, RecursionError) as error:
        raise BrokenWire("The message is not JSON.") from error
    if not isinstance(message, dict):
        raise BrokenWire("The message is not a table.")
    return message, n_bytes


def read_exactly(stream: BinaryIO, n_bytes: int) -> bytes:
    content = stream.read(n_bytes)
    if len(content) < n_bytes:
        raise BrokenWire("The other side has ended.")
    return content


def fill(stream: BinaryIO, room: memoryview) -> None:
    """Read as many bytes as there is room for."""
    while room:
        n = stream.readinto(room)  # type: ignore[attr-defined]
        if not n:
            raise BrokenWire("The other side has ended.")
        room = room[n:]
