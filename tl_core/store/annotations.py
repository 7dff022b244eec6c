"""Annotations of a run in the database: title, note, tags and a star."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update

from tl_core.errors import ConfigError
from tl_core.records import Run
from tl_core.store.absent import no_run
from tl_core.store.database import Database
from tl_core.store.runs import lock_run, run_of
from tl_core.store.tables import runs

# In characters.
LONGEST_TITLE = 80
LONGEST_NOTE = 5_000
LONGEST_TAG = 40
MOST_TAGS = 12


class SqlAnnotations(Database):
    """Part of the `Store` contract: annotations of runs."""

    def annotate_run(
        self,
        run_id: str,
        *,
        title: str | None = None,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        is_favourite: bool | None = None,
    ) -> Run:
        changes: dict[str, Any] = {}
        # An empty text clears a field and None leaves it, so truth alone would not tell the two
        # apart.
        if title is not None:
            changes["title"] = _checked("title", " ".join(title.split()), LONGEST_TITLE)
        if note is not None:
            changes["note"] = _checked("note", note.strip(), LONGEST_NOTE)
        if tags is not None:
            changes["tags"] = _checked_tags(tags)
        if is_favourite is not None:
            # PostgreSQL would refuse a boolean in this integer column.
            changes["is_favourite"] = int(is_favourite)
        with self.writing() as connection:
            if changes:
                connection.execute(update(runs).where(runs.c.id == run_id).values(changes))
            if (row := lock_run(connection, run_id)) is None:
                raise no_run(run_id)
            return run_of(row)


def _checked(field: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise ConfigError(f"The {field} has {len(text):,} characters: give at most {longest:,}.")
    return text


def _checked_tags(tags: Sequence[str]) -> list[str]:
    """Strip the tags and drop empty and repeated ones."""
    stripped = (" ".join(tag.split()) for tag in tags)
    # A dictionary drops repetitions and keeps the order in which tags were given.
    unique = list(dict.fromkeys(_checked("tag", tag, LONGEST_TAG) for tag in stripped if tag))
    if len(unique) > MOST_TAGS:
        raise ConfigError(f"These are {len(unique)} tags: give at most {MOST_TAGS}.")
    return unique
