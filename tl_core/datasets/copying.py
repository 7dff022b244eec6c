"""Copy of a shared dataset in one's own space, where it can be renamed and outlives the sharing."""

import shutil
import time
from dataclasses import replace

from tl_core.data.images import image_path, thumbnail_path
from tl_core.datasets.importing import owned
from tl_core.errors import DatasetRefused
from tl_core.files import link_or_copy, move_into_place
from tl_core.locks import hold_lock
from tl_core.records import DatasetRecord
from tl_core.workspace import Workspace


def copy_dataset(workspace: Workspace, dataset_id: str, name: str | None = None) -> DatasetRecord:
    """Copy a shared dataset into the space of the workspace's person; return the copy.

    Files are linked where the disk allows it, so a copy takes hardly any room.

    Args:
        dataset_id: id, or a unique prefix or name.
        name: name of the copy. User text; None for that of the original.

    Raises:
        UnknownDataset: there is none.
        DatasetRefused: it is not shared, or belongs to the person already, or a file is missing.
    """
    store = workspace.store
    original = store.get_dataset(dataset_id)
    if original.owner == store.owner:
        raise DatasetRefused(f"{original.name} is yours already: there is no need to copy it.")
    if original.shared_at is None:
        raise DatasetRefused(f"{original.name} is not shared: ask its owner to share it first.")
    copy = replace(
        owned(original, store.owner),
        name=(name or original.name).strip() or "Untitled",
        created_at=time.time(),
        shared_at=None,
        is_copy=True,
    )
    images = store.list_images(original.id)
    source = workspace.artifacts.dataset_folder(original.id)
    target = workspace.artifacts.dataset_folder(copy.id)
    with workspace.artifacts.staging_folder() as staging:
        try:
            # Copies of an image in one dataset share a file.
            for image in {image.sha256: image for image in images}.values():
                link_or_copy(image_path(source, image), image_path(staging, image))
                thumbnail = thumbnail_path(staging, image.sha256)
                link_or_copy(thumbnail_path(source, image.sha256), thumbnail)
        except OSError as error:
            raise DatasetRefused(
                f"{original.name} cannot be copied: one of its files is missing or there is no "
                f"room ({error.strerror})."
            ) from error
        artifacts = workspace.artifacts
        with artifacts.changing(), hold_lock(artifacts.dataset_lock(copy.id)):
            if not target.exists():
                move_into_place(staging, target)
            try:
                return store.add_dataset(copy, images, store.list_skipped(original.id))
            except BaseException:
                shutil.rmtree(target, ignore_errors=True)
                raise
