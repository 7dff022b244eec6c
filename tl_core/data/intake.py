"""Import of one file: stream it, compute its SHA-256, decode it once and write its thumbnail."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from tl_core.data.copies import Outline, outline_of
from tl_core.data.decoders import Decoders, get_decoders
from tl_core.data.decoding import Span
from tl_core.data.images import is_plain, open_rgb, thumbnail_path
from tl_core.data.known_images import KnownImage
from tl_core.data.limits import Meter
from tl_core.data.sources import Entry
from tl_core.errors import DatasetRefused, ImageUnusable
from tl_core.files import DISK_FULL
from tl_core.settings import Limits

IN_MEMORY_BYTES = 8 * 2**20
"""Size up to which a file stays in memory until it has proved to be a usable, new image."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    sha256: str
    extension: str
    width: int
    height: int
    outline: Outline
    span: Span | None = None
    """Range of the samples, if they have more than 8 bits."""


class Intake:
    """Writes images to `folder/images` and `folder/thumbnails`; several threads may use it at once.

    Args:
        find_known: looks up an image of another dataset by its SHA-256.
        decoders: processes that decode; None takes those that this process shares.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        find_known: Callable[[str], KnownImage | None] = lambda sha256: None,
        decoders: Decoders | None = None,
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._decoders = decoders or get_decoders()
        self._find_known = find_known
        self._met: dict[str, StoredImage | str] = {}
        self.meter = Meter(limits)

    def take(self, entry: Entry) -> StoredImage | str:
        """Store one image, or return the reason why it cannot be used.

        Raises:
            DatasetRefused: a limit of the dataset is exceeded, or the disk cannot be written to.
        """
        # A name of our own: names from outside never become paths.
        part = self._folder / "images" / f"{uuid.uuid4().hex}.part"
        with _refusing_on_disk_error():
            try:
                sha256, content = self._receive(entry, part)
                # No lock: threads that meet copies at the same time store both, which only costs
                # time.
                if sha256 not in self._met:
                    # A large file, no longer in memory, is decoded rather than compared with the
                    # stored one.
                    known = None if content is None else self._link_known(sha256, content)
                    self._met[sha256] = known or self._store(part, sha256, content)
                return self._met[sha256]
            except ImageUnusable as unusable:
                return str(unusable)
            finally:
                part.unlink(missing_ok=True)

    def _receive(self, entry: Entry, part: Path) -> tuple[str, bytes | None]:
        """Read a file and return its SHA-256 and content.

        A large file's content is written to `part`, and None is returned in its place.
        """
        digest = hashlib.sha256()
        size = 0
        chunks = []
        with ExitStack() as stack:
            file: BinaryIO | None = None
            for chunk in entry.read():
                size += len(chunk)
                # Counted before the chunk is kept, so that a zip bomb ends at the limit.
                self.meter.add(len(chunk), size, "/".join(entry.parts))
                digest.update(chunk)
                chunks.append(chunk)
                if size > IN_MEMORY_BYTES:
                    file = file or stack.enter_context(part.open("xb"))
                    file.writelines(chunks)
                    chunks.clear()
        return digest.hexdigest(), None if file else b"".join(chunks)

    def _link_known(self, sha256: str, content: bytes) -> StoredImage | None:
        known = self._find_known(sha256)
        if known is None:
            return None
        record = known.record
        # The other dataset may have been imported under a higher limit.
        if record.width * record.height > self._limits.max_pixels:
            return None
        # Its thumbnail may have been drawn in an earlier release, or by another dataset's levels.
        if not is_plain(BytesIO(content), self._limits.max_pixels):
            return None
        if not known.link(content, self._folder):
            return None
        thumbnail = open_rgb(thumbnail_path(self._folder, sha256), self._limits.max_pixels).pixels
        outline = outline_of(thumbnail)
        return StoredImage(sha256, record.extension, record.width, record.height, outline)

    def _store(self, part: Path, sha256: str, content: bytes | None) -> StoredImage | str:
        try:
            source = part if content is None else content
            image = self._decoders.take_in(source, self._limits.max_pixels)
        except ImageUnusable as unusable:
            return str(unusable)
        # Another thread may be storing a copy of this image: a rename shows only complete files.
        thumbnail = part.with_suffix(".thumbnail")
        try:
            thumbnail.write_bytes(image.thumbnail)
            thumbnail.replace(thumbnail_path(self._folder, sha256))
        finally:
            thumbnail.unlink(missing_ok=True)
        # Only now, so that unusable files of usual size never reach the disk.
        if content is not None:
            part.write_bytes(content)
        part.replace(self._folder / "images" / f"{sha256}.{image.extension}")
        size = (image.width, image.height)
        return StoredImage(sha256, image.extension, *size, image.outline, image.span)


def make_folders(folder: Path) -> None:
    with _refusing_on_disk_error():
        for name in ("images", "thumbnails"):
            (folder / name).mkdir(parents=True, exist_ok=True)


@contextmanager
def _refusing_on_disk_error() -> Iterator[None]:
    # Errors in reading are turned into `ImageUnusable` before: an OSError here is from writing.
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise DatasetRefused(
                "The disk of the server is full; nothing was taken in. Make room first."
            ) from error
        raise DatasetRefused(
            f"The server could not write to its disk: {error.strerror}."
        ) from error
