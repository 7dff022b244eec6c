"""Decoder child that images can bring to its end, as they can a decoder with a defect."""

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

from tl_core.data.decoder_child import TASKS
from tl_core.sandbox.inside import Work, serve

MARK = b"DEADLY "


def deadly(work: Work) -> Work:
    def do(arguments: Mapping[str, Any], file: BinaryIO) -> tuple[dict[str, Any], bytes]:
        _, mark, name = file.read().rpartition(MARK)
        file.seek(0)
        if not mark:
            return work(arguments, file)
        if name == b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if name == b"kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if name == b"exit":
            sys.exit(3)
        if name == b"eat":
            bytearray(2**40)
        while name == b"hang":
            pass
        if name == b"sleep":
            signal.pause()
        if name == b"noise":
            os.write(1, b"a library prints")
            return work(arguments, file)
        return {"extension": "../x", "width": 10**9, "height": -1, "span": 3, "outline": "?"}, b""

    return do


if __name__ == "__main__":
    serve({name: deadly(work) for name, work in TASKS.items()})
