"""One file from its source to its place: stream, fingerprint, decode once, thumbnail."""

import errno
import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tl_core.data.images import THUMBNAIL_SIDE, open_rgb, thumbnail_path, write_thumbnail
from tl_core.data.meter import Meter
from tl_core.data.sources import Entry
from tl_core.errors import DatasetRefused, ImageUnusable
from tl_core.settings import Limits

_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class StoredImage:
    sha256: str
    extension: str
    width: int
    height: int


class Intake:
    """Takes files into `folder/images` and `folder/thumbnails`; used by several threads at once."""

    def __init__(self, folder: Path, limits: Limits, packed: int | None = None) -> None:
        self._folder = folder
        self._limits = limits
        self._known: dict[str, StoredImage | str] = {}
        self.meter = Meter(limits, packed)

    def take(self, entry: Entry) -> StoredImage | str:
        """Store one image, or say in a sentence why it cannot be used.

        Raises:
            DatasetRefused: the whole dataset must stop: a limit is passed, or the disk is full.
        """
        part = self._folder / "images" / f"{uuid.uuid4().hex}.part"
        with _refusing_a_bad_disk():
            try:
                sha256 = self._copy(entry, part)
                if sha256 not in self._known:
                    self._known[sha256] = self._keep(part, sha256)
                return self._known[sha256]
            except ImageUnusable as unusable:
                return str(unusable)
            finally:
                part.unlink(missing_ok=True)

    def _copy(self, entry: Entry, to: Path) -> str:
        digest, size = hashlib.sha256(), 0
        with to.open("xb") as file:
            for chunk in entry.read():
                size += len(chunk)
                self.meter.add(len(chunk), size, entry.packed)
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def _keep(self, part: Path, sha256: str) -> StoredImage | str:
        try:
            image = open_rgb(part, self._limits.max_pixels, draft_side=THUMBNAIL_SIDE // 2)
        except ImageUnusable as unusable:
            return str(unusable)
        # A copy may be on its way in another thread: both files appear whole, under the same name.
        thumbnail = part.with_suffix(".thumbnail")
        try:
            write_thumbnail(image.pixels, thumbnail)
            thumbnail.replace(thumbnail_path(self._folder, sha256))
        finally:
            thumbnail.unlink(missing_ok=True)
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
            raise DatasetRefused("The disk of the server is full; nothing was taken in. Make room first.") from error
        raise DatasetRefused(f"The server could not write to its disk: {error.strerror}.") from error
