"""Saved presets in the database."""

import time

from sqlalchemy import delete, select

from tl_core.config import RunConfig
from tl_core.errors import ConfigError
from tl_core.presets import ANY_DATASET, PRESETS
from tl_core.records import SavedPreset
from tl_core.store.database import Database
from tl_core.store.tables import presets

LONGEST_NAME = 80
"""Characters."""


class SqlPresets(Database):
    """The part of the `Store` contract that is about presets."""

    def save_preset(self, name: str, description: str, config: RunConfig) -> SavedPreset:
        name = _checked_name(name)
        data = config.data.model_copy(update={"dataset_id": ANY_DATASET})
        preset = SavedPreset(
            name, description.strip(), config.model_copy(update={"data": data}), time.time()
        )
        values = {
            "name": preset.name,
            "description": preset.description,
            "config": preset.config.model_dump_json(),
            "created_at": preset.created_at,
        }
        with self.writing() as connection:
            insert = self.insert_new(presets).values(values).returning(presets.c.name)
            if connection.execute(insert).first() is None:
                raise ConfigError(
                    f"There is a preset called {name!r} already: give another name, or delete it first."
                )
        return preset

    def list_presets(self) -> list[SavedPreset]:
        with self.reading() as connection:
            rows = connection.execute(select(presets)).all()
        found = [
            SavedPreset(
                row.name, row.description, RunConfig.model_validate_json(row.config), row.created_at
            )
            for row in rows
        ]
        return sorted(
            found, key=lambda preset: (preset.name.casefold(), preset.name)
        )  # databases sort differently

    def delete_preset(self, name: str) -> None:
        with self.writing() as connection:
            connection.execute(delete(presets).where(presets.c.name == name))


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
