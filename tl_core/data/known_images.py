"""Images that lie in a dataset already: they need not be decoded again, nor take room twice."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from tl_core.data.images import image_path, thumbnail_path
from tl_core.records import ImageRecord


@dataclass(frozen=True, slots=True)
class KnownImage:
    folder: Path
    """Of its dataset."""
    record: ImageRecord

    def link(self, content: bytes, into: Path) -> bool:
        """Give its files a second name in the dataset folder `into`.

        False where that cannot be: its dataset is being deleted, its file is damaged, or the file system has no links.
        """
        image = image_path(self.folder, self.record)
        try:
            if image.read_bytes() != content:
                return False
            _link(image, image_path(into, self.record))
            _link(
                thumbnail_path(self.folder, self.record.sha256),
                thumbnail_path(into, self.record.sha256),
            )
        except OSError:
            return False
        return True


class KnownImages:
    """The images of several datasets; those of a dataset are listed once one of them has come up.

    Args:
        folders: of the datasets, by their ids.
        list_images: of one dataset, by its id. May be called from several threads.
    """

    def __init__(
        self, folders: Mapping[str, Path], list_images: Callable[[str], Sequence[ImageRecord]]
    ) -> None:
        self._unlisted = dict(folders)
        self._list_images = list_images
        self._known: dict[str, KnownImage] = {}
        self._lock = Lock()

    def find(self, sha256: str) -> KnownImage | None:
        with self._lock:
            if sha256 not in self._known:
                self._list(sha256)
            return self._known.get(sha256)

    def _list(self, sha256: str) -> None:
        holding = [
            each
            for each, folder in self._unlisted.items()
            if thumbnail_path(folder, sha256).exists()
        ]
        for dataset_id in holding[:1]:
            folder = self._unlisted.pop(dataset_id)
            for image in self._list_images(dataset_id):
                self._known[image.sha256] = KnownImage(folder, image)


def _link(source: Path, target: Path) -> None:
    """Of two threads that meet the same image, one is first."""
    if not target.exists():
        os.link(source, target)
