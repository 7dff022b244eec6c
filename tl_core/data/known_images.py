"""Images already stored in another dataset, which need neither be decoded nor stored again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from tl_core.data.images import image_path, thumbnail_path
from tl_core.files import link_or_copy
from tl_core.records import ImageRecord


@dataclass(frozen=True, slots=True)
class KnownImage:
    folder: Path
    """Folder of its dataset."""
    record: ImageRecord

    def link(self, content: bytes, into: Path) -> bool:
        """Share the image and its thumbnail with the dataset folder `into`.

        Return False if that fails: the dataset is being deleted, or the file is damaged.
        """
        image = image_path(self.folder, self.record)
        thumbnail = thumbnail_path(self.folder, self.record.sha256)
        try:
            # A link to a damaged file would carry the damage into the new dataset.
            if image.read_bytes() != content:
                return False
            _share(image, image_path(into, self.record))
            _share(thumbnail, thumbnail_path(into, self.record.sha256))
        except OSError:
            return False
        return True


class KnownImages:
    """Images of several datasets; a dataset is listed when one of its images is first looked up.

    Args:
        folders: folders of the datasets, by id.
        list_images: returns the images of a dataset, by id; may be called from several threads.
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
            # Within the lock, so that no two threads list the same dataset.
            if sha256 not in self._known:
                self._list(sha256)
            return self._known.get(sha256)

    def _list(self, sha256: str) -> None:
        # A thumbnail's name is known from the SHA-256 alone; an image's suffix is not.
        holders = (
            dataset_id
            for dataset_id, folder in self._unlisted.items()
            if thumbnail_path(folder, sha256).exists()
        )
        dataset_id = next(holders, None)
        if dataset_id is None:
            return
        folder = self._unlisted.pop(dataset_id)
        for image in self._list_images(dataset_id):
            self._known[image.sha256] = KnownImage(folder, image)


def _share(source: Path, target: Path) -> None:
    # Copies of an image in one import share a name: the first one makes the file.
    if not target.exists():
        link_or_copy(source, target)
