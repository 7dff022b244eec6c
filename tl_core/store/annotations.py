"""What people say of a run, in the database: its title, a note, tags and a star."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update

from tl_core.errors import ConfigError, UnknownRun
from tl_core.records import Run
from tl_core.store.database import Database
from tl_core.store.runs import lock_run, run_of
from tl_core.store.tables import runs

LONGEST_TITLE, LONGEST_NOTE, LONGEST_TAG = 80, 5_000, 40
"""Characters."""
MOST_TAGS = 12


class SqlAnnotations(Database):
    """The part of the `Store` contract that is about what people say of runs."""

    def annotate_run(
        self,
        run_id: str,
        *,
        title: str | None = None,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        is_favourite: bool | None = None,
    ) -> Run:
        given: dict[str, Any] = {
            "title": None
            if title is None
            else _checked("title", " ".join(title.split()), LONGEST_TITLE),
            "note": None if note is None else _checked("note", note.strip(), LONGEST_NOTE),
            "tags": None if tags is None else _checked_tags(tags),
            "is_favourite": None if is_favourite is None else int(is_favourite),
        }
        changes = {name: value for name, value in given.items() if value is not None}
        with self.writing() as connection:
            if changes:
                connection.execute(update(runs).where(runs.c.id == run_id).values(changes))
            if (row := lock_run(connection, run_id)) is None:
                raise UnknownRun(
                    f"There is no run with the id {run_id!r}; it may have been deleted."
                )
            return run_of(row)


def _checked(what: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise ConfigError(f"The {what} has {len(text):,} characters: give at most {longest:,}.")
    return text


def _checked_tags(tags: Sequence[str]) -> list[str]:
    """Each once, without space around it; empty ones are none."""
    found = list(
        dict.fromkeys(
            _checked("tag", " ".join(tag.split()), LONGEST_TAG) for tag in tags if tag.strip()
        )
    )
    if len(found) > MOST_TAGS:
        raise ConfigError(f"These are {len(found)} tags: give at most {MOST_TAGS}.")
    return found
