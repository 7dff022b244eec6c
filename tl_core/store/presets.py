"""Saved presets in the database."""

import time
from typing import Any

from sqlalchemy import Row, delete, or_, select

from tl_core.config import RunConfig
from tl_core.errors import ConfigError
from tl_core.presets import ANY_DATASET, PRESETS
from tl_core.records import SavedPreset
from tl_core.store.database import Database
from tl_core.store.tables import presets

LONGEST_NAME = 80
"""Longest name of a preset, in characters."""


class SqlPresets(Database):
    """Part of the `Store` contract: saved presets."""

    def save_preset(
        self, name: str, description: str, config: RunConfig, *, owner: str = ""
    ) -> SavedPreset:
        name = _checked_name(name)
        # Settings always name a dataset, so a placeholder takes its place.
        data = config.data.model_copy(update={"dataset_id": ANY_DATASET})
        config = config.model_copy(update={"data": data})
        preset = SavedPreset(name, description.strip(), config, time.time(), owner)
        values = {
            "owner": owner,
            "name": preset.name,
            "description": preset.description,
            "config": preset.config.model_dump_json(),
            "created_at": preset.created_at,
        }
        with self.writing() as connection:
            # A query beforehand would let another process take the name before the insertion.
            insert = self.insert_new(presets).values(values).returning(presets.c.name)
            if connection.execute(insert).first() is None:
                raise ConfigError(
                    f"There is already a preset called {name!r}: give another name, or delete it "
                    "first."
                )
        return preset

    def list_presets(self, *, reader: str = "") -> list[SavedPreset]:
        is_seen = or_(presets.c.owner == reader, presets.c.shared_at.is_not(None))
        # Older ones first, so that of several shared ones with one name the first stays.
        query = select(presets).where(is_seen).order_by(presets.c.shared_at, presets.c.owner)
        with self.reading() as connection:
            rows = connection.execute(query).all()
        named: dict[str, SavedPreset] = {}
        # Those of the reader come first and hide shared ones of the same name, such as the
        # originals of their copies.
        for row in sorted(rows, key=lambda row: row.owner != reader):
            named.setdefault(row.name, _preset_of(row))
        # Sorted here, because databases order text differently.
        return sorted(named.values(), key=lambda preset: (preset.name.casefold(), preset.name))

    def delete_preset(self, name: str, *, owner: str = "") -> None:
        with self.ending() as connection:
            is_it = (presets.c.owner == owner, presets.c.name == name)
            connection.execute(delete(presets).where(*is_it))

    def delete_presets(self, owner: str) -> None:
        with self.writing() as connection:
            connection.execute(delete(presets).where(presets.c.owner == owner))


def _preset_of(row: Row[Any]) -> SavedPreset:
    config = RunConfig.model_validate_json(row.config)
    return SavedPreset(row.name, row.description, config, row.created_at, row.owner, row.shared_at)


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise ConfigError("A preset needs a name: give at least one character.")
    if len(name) > LONGEST_NAME:
        raise ConfigError(
            f"The preset's name has {len(name)} characters: give at most {LONGEST_NAME}."
        )
    if name in PRESETS:
        raise ConfigError(
            f"A preset that comes with TransferLab is called {name!r}: give another name."
        )
    return name
