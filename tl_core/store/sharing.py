"""Sharing in the database: shared datasets and presets, and published runs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update

from tl_core.errors import ConfigError, RunNotReady
from tl_core.records import DatasetRecord, ImageRecord, Run
from tl_core.store.absent import no_dataset, no_run
from tl_core.store.database import Database
from tl_core.store.datasets import dataset_of
from tl_core.store.reports import positions_of
from tl_core.store.runs import IS_KEPT, lock_run, run_of
from tl_core.store.tables import datasets, images, predictions, presets, runs

MOST_SAMPLES = 12
"""Largest number of images that are shown with a published run."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose a dataset or run is, and whether others may see it."""

    owner: str
    is_shown: bool
    """Marks a shared dataset or a published run."""
    shows_images: bool
    in_bin: bool


class SqlSharing(Database):
    """Part of the `Store` contract: sharing and publishing."""

    def share_dataset(self, dataset_id: str, is_shared: bool = True) -> DatasetRecord:
        change = update(datasets).where(datasets.c.id == dataset_id, datasets.c.binned_at.is_(None))
        shared_at = time.time() if is_shared else None
        with self.writing() as connection:
            row = connection.execute(change.values(shared_at=shared_at).returning(datasets)).first()
        if row is None:
            raise no_dataset(dataset_id)
        return dataset_of(row)

    def share_preset(self, name: str, is_shared: bool = True, *, owner: str = "") -> None:
        is_it = (presets.c.owner == owner, presets.c.name == name)
        shared_at = time.time() if is_shared else None
        with self.writing() as connection:
            change = update(presets).where(*is_it).values(shared_at=shared_at)
            if not connection.execute(change).rowcount:
                raise ConfigError(f"There is no preset {name!r} to share: save one first.")

    def publish_run(self, run_id: str, *, shows_images: bool = False) -> Run:
        values = {"published_at": time.time(), "shows_images": int(shows_images)}
        with self.writing() as connection:
            row = lock_run(connection, run_id)
            if row is None or row.binned_at is not None:
                raise no_run(run_id)
            if row.result is None:
                raise RunNotReady(
                    f"Run {run_id} has not been tested and has nothing to show yet: train it to "
                    "the end first."
                )
            change = update(runs).where(runs.c.id == run_id).values(values)
            return run_of(connection.execute(change.returning(runs)).one())

    def withdraw_run(self, run_id: str) -> None:
        self._withdraw(runs.c.id == run_id)

    def withdraw_runs(self, owner: str) -> None:
        self._withdraw(runs.c.owner == owner)

    def _withdraw(self, which: ColumnElement[bool]) -> None:
        with self.writing() as connection:
            change = update(runs).where(which, runs.c.published_at.is_not(None))
            connection.execute(change.values(published_at=None, shows_images=0))

    def list_published(self) -> list[Run]:
        is_shown = runs.c.published_at.is_not(None)
        query = select(runs).where(IS_KEPT, is_shown).order_by(runs.c.published_at.desc())
        with self.reading() as connection:
            return [run_of(row) for row in connection.execute(query)]

    def list_sample_images(self, run_id: str) -> list[ImageRecord]:
        tested = select(runs.c.dataset_id, predictions.c.positions).join_from(
            runs, predictions, predictions.c.run_id == runs.c.id
        )
        query = tested.where(runs.c.id == run_id, predictions.c.split == "test")
        columns = [column for column in images.c if column is not images.c.dataset_id]
        with self.reading() as connection:
            row = connection.execute(query).first()
            if row is None:
                return []
            chosen = images.c.position.in_(_spread(positions_of(row.positions)))
            found = select(*columns).where(images.c.dataset_id == row.dataset_id, chosen)
            rows = connection.execute(found.order_by(images.c.position)).all()
        return [ImageRecord(**{**row._mapping, "name": ""}) for row in rows]

    def has_shown(self, person_id: str) -> bool:
        shown = (
            select(runs.c.id).where(runs.c.owner == person_id, runs.c.published_at.is_not(None)),
            select(datasets.c.id).where(
                datasets.c.owner == person_id, datasets.c.shared_at.is_not(None)
            ),
            select(presets.c.name).where(
                presets.c.owner == person_id, presets.c.shared_at.is_not(None)
            ),
        )
        with self.reading() as connection:
            return any(connection.execute(query.limit(1)).first() for query in shown)

    def standing_of_run(self, run_id: str) -> Standing | None:
        """Return whose the run is; None if there is none, even in the bin."""
        columns = (runs.c.owner, runs.c.published_at, runs.c.shows_images, runs.c.binned_at)
        with self.reading() as connection:
            row = connection.execute(select(*columns).where(runs.c.id == run_id)).first()
        if row is None:
            return None
        is_shown = row.published_at is not None
        return Standing(row.owner, is_shown, bool(row.shows_images), row.binned_at is not None)

    def standing_of_dataset(self, dataset_id: str) -> Standing | None:
        """Return whose the dataset is; None if there is none, even in the bin."""
        columns = (datasets.c.owner, datasets.c.shared_at, datasets.c.binned_at)
        with self.reading() as connection:
            row = connection.execute(select(*columns).where(datasets.c.id == dataset_id)).first()
        if row is None:
            return None
        is_shown = row.shared_at is not None
        return Standing(row.owner, is_shown, is_shown, row.binned_at is not None)


def _spread(positions: Sequence[int]) -> list[int]:
    """Choose up to `MOST_SAMPLES` positions from the first to the last."""
    n = min(MOST_SAMPLES, len(positions))
    return [positions[i * len(positions) // n] for i in range(n)]
