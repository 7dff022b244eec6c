"""One file from its source to its place: stream, fingerprint, decode once, thumbnail."""

import errno
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from tl_core.data.images import THUMBNAIL_SIDE, open_rgb, thumbnail_path, write_thumbnail
from tl_core.data.known_images import KnownImage
from tl_core.data.limits import Meter
from tl_core.data.sources import Entry
from tl_core.errors import DatasetRefused, ImageUnusable
from tl_core.settings import Limits

IN_MEMORY_BYTES = 8 * 2**20
"""A file up to this is written only once it is known to be an image, and a new one."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class StoredImage:
    sha256: str
    extension: str
    width: int
    height: int


class Intake:
    """Takes files into `folder/images` and `folder/thumbnails`; used by several threads at once.

    Args:
        find_known: an image of that sha256 that lies in another dataset already.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        packed: int | None = None,
        find_known: Callable[[str], KnownImage | None] = lambda sha256: None,
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._find_known = find_known
        self._met: dict[str, StoredImage | str] = {}
        self.meter = Meter(limits, packed)

    def take(self, entry: Entry) -> StoredImage | str:
        """Store one image, or say in a sentence why it cannot be used.

        Raises:
            DatasetRefused: the whole dataset must stop: a limit is passed, or the disk is full.
        """
        part = self._folder / "images" / f"{uuid.uuid4().hex}.part"
        with _refusing_a_bad_disk():
            try:
                sha256, content = self._receive(entry, part)
                if sha256 not in self._met:
                    known = None if content is None else self._link_known(sha256, content)
                    self._met[sha256] = known or self._keep(part, sha256, content)
                return self._met[sha256]
            except ImageUnusable as unusable:
                return str(unusable)
            finally:
                part.unlink(missing_ok=True)

    def _receive(self, entry: Entry, part: Path) -> tuple[str, bytes | None]:
        """The file's fingerprint and its content; None for the content of a large file, which is written to `part`."""
        digest, size, chunks = hashlib.sha256(), 0, []
        with ExitStack() as stack:
            file: BinaryIO | None = None
            for chunk in entry.read():
                size += len(chunk)
                self.meter.add(len(chunk), size, entry.packed)
                digest.update(chunk)
                chunks.append(chunk)
                if size > IN_MEMORY_BYTES:
                    file = file or stack.enter_context(part.open("xb"))
                    file.writelines(chunks)
                    chunks.clear()
        return digest.hexdigest(), None if file else b"".join(chunks)

    def _link_known(self, sha256: str, content: bytes) -> StoredImage | None:
        known = self._find_known(sha256)
        if known is None or known.record.width * known.record.height > self._limits.max_pixels:
            return None
        stored = StoredImage(
            sha256, known.record.extension, known.record.width, known.record.height
        )
        return stored if known.link(content, self._folder) else None

    def _keep(self, part: Path, sha256: str, content: bytes | None) -> StoredImage | str:
        source = part if content is None else BytesIO(content)
        try:
            image = open_rgb(source, self._limits.max_pixels, draft_long_side=THUMBNAIL_SIDE)
        except ImageUnusable as unusable:
            return str(unusable)
        # A copy may be on its way in another thread: both files appear whole, under the same name.
        thumbnail = part.with_suffix(".thumbnail")
        try:
            write_thumbnail(image.pixels, thumbnail)
            thumbnail.replace(thumbnail_path(self._folder, sha256))
        finally:
            thumbnail.unlink(missing_ok=True)
        if content is not None:
            part.write_bytes(content)
        part.replace(self._folder / "images" / f"{sha256}.{image.extension}")
        return StoredImage(sha256, image.extension, image.width, image.height)


def make_folders(folder: Path) -> None:
    with _refusing_a_bad_disk():
        for name in ("images", "thumbnails"):
            (folder / name).mkdir(parents=True, exist_ok=True)


@contextmanager
def _refusing_a_bad_disk() -> Iterator[None]:
    """Reading has reasons of its own; an OSError that arrives here is from writing."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DatasetRefused(
                "The disk of the server is full; nothing was taken in. Make room first."
            ) from error
        raise DatasetRefused(
            f"The server could not write to its disk: {error.strerror}."
        ) from error
