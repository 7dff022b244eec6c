"""Checks of files: images against their digests, models and outputs against their checksums."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from safetensors import SafetensorError, safe_open

from tl_core.cache import damaged_segments
from tl_core.checksums import Damaged, verify, verify_zip
from tl_core.data.images import image_path, open_rgb, thumbnail_of, thumbnail_path
from tl_core.files import delete, link_or_copy, write_whole
from tl_core.records import ImageRecord, RunState
from tl_core.store.inspection import RunRow
from tl_core.text import number_of, shorten
from tl_core.upkeep.findings import Finding
from tl_core.upkeep.house import House

OnFile = Callable[[str], None]
"""Function that is told what is looked at next."""
_THREADS = 4
_BLOCK = 2**20


def check_datasets(house: House, on_file: OnFile) -> Iterator[Finding]:
    """Yield the datasets whose images or thumbnails are missing or damaged."""
    names = house.store.dataset_names()
    for dataset_id in sorted(house.store.dataset_ids()):
        on_file(f"images of {shorten(names.get(dataset_id, dataset_id), 40)}")
        folder = house.artifacts.dataset_folder(dataset_id)
        # Copies of one image share a file.
        images = {image.sha256: image for image in house.store.list_images(dataset_id)}
        with ThreadPoolExecutor(_THREADS) as pool:
            sound = pool.map(partial(_is_sound, folder), images.values())
            judged = zip(images.values(), sound, strict=True)
            broken = [image for image, is_sound in judged if not is_sound]
        if broken:
            yield _images(house, dataset_id, names.get(dataset_id, ""), len(images), broken)
        lost = {image.sha256 for image in broken}
        unshown = [
            image
            for image in images.values()
            if image.sha256 not in lost and not thumbnail_path(folder, image.sha256).is_file()
        ]
        if unshown:
            yield Finding(
                "thumbnails",
                dataset_id,
                f"{number_of(len(unshown), 'thumbnail')} of dataset {dataset_id} are missing.",
                "Repairing makes them anew.",
                partial(_remake, house, dataset_id, unshown),
            )


def check_runs(house: House, on_file: OnFile) -> Iterator[Finding]:
    """Yield the runs whose model or outputs are missing or damaged."""
    for row in house.store.run_rows():
        on_file(f"files of run {row.id}")
        # A run that trains replaces its files at this moment.
        if row.state == RunState.RUNNING:
            continue
        folder = house.artifacts.run_folder(row.id)
        if row.best_epoch is not None and not house.artifacts.checkpoint(row.id).is_file():
            yield Finding(
                "models",
                row.id,
                f"The model of run {row.id} is missing (runs/{row.id}/model.safetensors).",
                "Its figures remain. Restore a backup, or train it again.",
            )
        for path in sorted([*folder.rglob("*.safetensors"), *folder.glob("training-state*.pt")]):
            if reason := why_damaged(path):
                yield _damaged(house, row, path, reason)


def check_cache(house: House, on_file: OnFile) -> Iterator[Finding]:
    """Yield the damaged files of the cache, by their headers and lengths."""
    if house.cache is None:
        return
    on_file("the cache")
    for path in damaged_segments(house.cache.folder):
        yield Finding(
            "cache",
            str(path.relative_to(house.settings.home)),
            "This file of the cache is damaged; it would be computed anew when it is needed.",
            "Repairing deletes it.",
            partial(delete, path),
        )


def why_damaged(path: Path) -> str:
    """Return how a file of tensors or a training state is damaged; empty if not, or if gone."""
    try:
        if path.suffix == ".pt":
            verify_zip(path)
            return ""
        verify(path)
        with safe_open(path, framework="np") as file:
            file.keys()
    except FileNotFoundError:
        return ""
    except (Damaged, SafetensorError, OSError) as error:
        return str(error)
    return ""


def _is_sound(folder: Path, image: ImageRecord) -> bool:
    digest = hashlib.sha256()
    with suppress(OSError), image_path(folder, image).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == image.sha256


def _images(house: House, dataset_id: str, name: str, n: int, broken: list[ImageRecord]) -> Finding:
    folder = house.artifacts.dataset_folder(dataset_id)
    are_there = Counter(image_path(folder, image).exists() for image in broken)
    kinds = [f"{are_there[False]} missing", f"{are_there[True]} damaged"]
    of = f"{number_of(n, 'image')} of {shorten(name, 60)!r} ({dataset_id})"
    sources = {image: _copy_elsewhere(house, dataset_id, image) for image in broken}
    first = image_path(folder, broken[0]).relative_to(house.settings.home)
    sentence = f"{' and '.join(k for k in kinds if k[0] != '0')} of the {of}, such as {first}."
    if not all(sources.values()):
        advice = "Import the same images again, which puts them back, or restore a backup."
        return Finding("images", dataset_id, sentence, advice)

    def take_copies() -> None:
        for image, source in sources.items():
            if source is not None:
                target = image_path(folder, image)
                delete(target)
                link_or_copy(source, target)

    advice = "Repairing takes them from other datasets that hold the same images."
    return Finding("images", dataset_id, sentence, advice, take_copies)


def _copy_elsewhere(house: House, dataset_id: str, image: ImageRecord) -> Path | None:
    for other in house.store.datasets_with(image.sha256):
        folder = house.artifacts.dataset_folder(other)
        if other != dataset_id and _is_sound(folder, image):
            return image_path(folder, image)
    return None


def _remake(house: House, dataset_id: str, images: list[ImageRecord]) -> None:
    folder = house.artifacts.dataset_folder(dataset_id)
    levels = house.store.levels_of(dataset_id)
    for image in images:
        path = image_path(folder, image)
        picture = open_rgb(path, house.settings.limits.max_pixels, levels=levels)
        _, content = thumbnail_of(picture.pixels)
        write_whole(thumbnail_path(folder, image.sha256), content)


def _damaged(house: House, row: RunRow, path: Path, reason: str) -> Finding:
    place = path.relative_to(house.settings.home)
    sentence = f"{place} of run {row.id} is damaged: {reason.rstrip('.')}."
    if path == house.artifacts.checkpoint(row.id):
        advice = "The run's figures remain. Restore a backup, or train it again."
        return Finding("models", row.id, sentence, advice)
    if path.suffix == ".pt":
        advice = "Repairing deletes it; the run then goes on from the state before it, if any."
        return Finding("training states", row.id, sentence, advice, partial(delete, path))
    advice = "Repairing deletes it; charts that need it will be missing."
    return Finding("outputs", row.id, sentence, advice, partial(delete, path))
