"""Questions about the whole database, whoever owns what, for upkeep and never for a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text, update

from tl_core.records import Levels
from tl_core.store.database import Database
from tl_core.store.tables import datasets, images, people, presets, runs

_OWNED = {table.name: table for table in (datasets, runs, presets)}


@dataclass(frozen=True, slots=True)
class RunRow:
    """Row of a run as it is stored; no value is known to be possible."""

    id: str
    state: str
    requested: str | None
    config: str
    """Settings as JSON."""
    dataset_id: str
    created_at: float
    finished_at: float | None
    epochs_done: int
    best_epoch: int | None
    has_result: bool


class SqlInspection(Database):
    """Look at the store as a whole; no part of the `Store` contract, which pages are given."""

    def dataset_ids(self) -> set[str]:
        """Return the ids of all datasets, also of those in the bin."""
        with self.reading() as connection:
            return set(connection.execute(select(datasets.c.id)).scalars())

    def run_ids(self) -> set[str]:
        """Return the ids of all runs, also of those in the bin."""
        with self.reading() as connection:
            return set(connection.execute(select(runs.c.id)).scalars())

    def damage(self) -> list[str]:
        """Return what SQLite finds wrong with its file, and rows that refer to nothing.

        PostgreSQL checks its pages itself, and refuses such rows.
        """
        if self._engine.dialect.name != "sqlite":
            return []
        with self.reading() as connection:
            found = [str(row[0]) for row in connection.execute(text("PRAGMA quick_check(20)"))]
            lost = connection.execute(text("PRAGMA foreign_key_check")).all()
        tables = sorted({row[0] for row in lost})
        dangling = [f"rows of {table} belong to a record that is gone" for table in tables]
        return [line for line in found if line != "ok"] + dangling

    def dataset_names(self) -> dict[str, str]:
        """Return the names of all datasets by id."""
        with self.reading() as connection:
            rows = connection.execute(select(datasets.c.id, datasets.c.name)).all()
        return {row.id: row.name for row in rows}

    def levels_of(self, dataset_id: str) -> Levels | None:
        """Return black and white of a dataset's samples with more than 8 bits."""
        query = select(datasets.c.levels).where(datasets.c.id == dataset_id)
        with self.reading() as connection:
            levels = connection.execute(query).scalar()
        return None if levels is None else tuple((kind, low, high) for kind, low, high in levels)

    def datasets_with(self, sha256: str) -> list[str]:
        """Return the ids of the datasets that hold an image."""
        query = select(images.c.dataset_id).where(images.c.sha256 == sha256).distinct()
        with self.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def run_rows(self) -> list[RunRow]:
        """List the runs outside the bin, without reading any value as more than what it is."""
        plain = ("id", "state", "requested", "config", "dataset_id", "created_at", "finished_at")
        columns = [runs.c[name] for name in (*plain, "epochs_done", "best_epoch")]
        has_result = runs.c.result.is_not(None).label("has_result")
        query = select(*columns, has_result).where(runs.c.binned_at.is_(None))
        with self.reading() as connection:
            rows = connection.execute(query.order_by(runs.c.number)).all()
        return [RunRow(**{**row._mapping, "has_result": bool(row.has_result)}) for row in rows]

    def correct_run(self, run_id: str, state: str, values: Mapping[str, Any]) -> None:
        """Change fields of a run that is still in that state, whatever they should be."""
        with self.ending() as connection:
            is_same = (runs.c.id == run_id, runs.c.state == state)
            connection.execute(update(runs).where(*is_same).values(values))

    def ownerless(self) -> list[tuple[str, str, int]]:
        """Return table, owner and number of the rows whose owner is nobody that is known."""
        found: list[tuple[str, str, int]] = []
        with self.reading() as connection:
            known = {"", *connection.execute(select(people.c.id)).scalars()}
            for name, table in _OWNED.items():
                query = select(table.c.owner, func.count()).group_by(table.c.owner)
                counts = connection.execute(query).all()
                found += [(name, owner, n) for owner, n in counts if owner not in known]
        return found

    def give_to_operator(self, table: str, owner: str) -> None:
        """Give the rows of an owner to the operator."""
        owned = _OWNED[table]
        with self.ending() as connection:
            connection.execute(update(owned).where(owned.c.owner == owner).values(owner=""))
