"""Sizes on disk: by dataset, run and person, and what can be given up without losing anything."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tl_core.records import Person
from tl_core.workspace import Workspace

Kind = Literal["dataset", "run", "bin"]


@dataclass(frozen=True, slots=True)
class Item:
    kind: Kind
    id: str
    name: str
    """Name of the dataset; title of the run or name of its dataset. User text."""
    owner: str
    """Id of the person it belongs to; empty for the operator."""
    n_bytes: int
    again: int = 0
    """Bytes of it that can be made again when they are asked for: packed exports, drawn maps."""
    states: int = 0
    """Bytes of it that only serve to train on: training states."""


@dataclass(frozen=True, slots=True)
class Sizes:
    items: tuple[Item, ...]
    """Datasets, runs and what is in the bin, the largest first."""
    cache: int
    """Bytes of the cache; 0 for a person who does not administer."""
    free: int
    """Free bytes of the disk of the home folder's database."""

    def total(self, *kinds: Kind) -> int:
        return sum(item.n_bytes for item in self.items if item.kind in kinds)

    @property
    def again(self) -> int:
        """Bytes of exports and drawings that can be made again."""
        return sum(item.again for item in self.items)

    @property
    def states(self) -> int:
        """Bytes of the training states of runs outside the bin."""
        return sum(item.states for item in self.items if item.kind == "run")

    def by_person(self) -> dict[str, int]:
        """Return the bytes of each person by id, the largest first."""
        sums: dict[str, int] = {}
        for item in self.items:
            sums[item.owner] = sums.get(item.owner, 0) + item.n_bytes
        return dict(sorted(sums.items(), key=lambda pair: -pair[1]))


def measure(workspace: Workspace) -> Sizes:
    """Measure what belongs to the workspace's person; for one who administers, everything.

    For one who administers, images that several datasets share are divided among them, so that the
    sums are right. For others they count whole, since a part would tell of what others keep.
    """
    person = workspace.person
    artifacts = workspace.artifacts
    store = workspace.store
    scales = _Scales(person.administers)
    items = [
        scales.item("dataset", d.id, d.name, d.owner, artifacts.dataset_folder(d.id))
        for d in store.list_datasets()
        if _counts(person, d.owner)
    ]
    items += [
        scales.item("run", r.id, r.title or r.dataset_name, r.owner, artifacts.run_folder(r.id))
        for r in store.summarise_runs()
        if _counts(person, r.owner)
    ]
    for binned in store.list_bin():
        is_run = binned.kind == "run"
        folder = artifacts.run_folder if is_run else artifacts.dataset_folder
        if _counts(person, binned.owner):
            items.append(
                scales.item("bin", binned.id, binned.name, binned.owner, folder(binned.id))
            )
    cache = workspace.cache.bytes_kept() if workspace.cache and person.administers else 0
    ordered = sorted(items, key=lambda item: (-item.n_bytes, item.id))
    return Sizes(tuple(ordered), cache, workspace.room.free)


def remade_files(run_folder: Path) -> list[Path]:
    """List the files of a run that the app makes again when they are asked for."""
    packed = [*run_folder.glob("export-*.zip"), *run_folder.glob("packed/*.json")]
    return [path for path in packed if path.is_file()]


def _counts(person: Person, owner: str) -> bool:
    return person.administers or owner == person.id


@dataclass(frozen=True, slots=True)
class _Scales:
    """Measures files, whole or divided by the names that they have."""

    divides: bool

    def item(self, kind: Kind, record_id: str, name: str, owner: str, folder: Path) -> Item:
        states = folder.glob("training-state*.pt") if kind == "run" else ()
        again = remade_files(folder) if kind == "run" else ()
        files = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
        return Item(
            kind, record_id, name, owner, self._sum(files), self._sum(again), self._sum(states)
        )

    def _sum(self, paths: Iterable[Path]) -> int:
        return sum(self._weigh(path) for path in paths)

    def _weigh(self, path: Path) -> int:
        # Others may be deleting it.
        with suppress(OSError):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                return round(found.st_size / max(1, found.st_nlink if self.divides else 1))
        return 0
