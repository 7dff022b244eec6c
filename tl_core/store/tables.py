"""Database tables, with column types that behave alike on SQLite and PostgreSQL.

`migrations.py` creates them; a test compares the two.
"""

import json
import math
import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
)
from sqlalchemy import Table as _Table
from sqlalchemy import Text as _Text
from sqlalchemy.types import TypeDecorator

from tl_core.facts import RunFacts

_MARK = "\x1a"
_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_MARKED = re.compile("\x1a([0-9a-f]{4})")


class Text(TypeDecorator[str]):
    """Any Python string, restored exactly.

    PostgreSQL refuses NUL, and neither database accepts a lone surrogate (from a file name that
    was not UTF-8). These are stored as the control character SUBSTITUTE and four hexadecimal
    digits, and so is SUBSTITUTE itself.
    """

    impl = _Text
    # Allows SQLAlchemy to cache compiled statements, since the type has no parameters.
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return _UNSTORABLE.sub(lambda match: f"{_MARK}{ord(match[0]):04x}", str(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else _MARKED.sub(lambda match: chr(int(match[1], 16)), value)


class Json(TypeDecorator[Any]):
    """JSON stored as text, because a JSON column would refuse NaN and infinities."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        # Without escapes, texts stay legible in the database; `Text` handles what cannot be stored.
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Facts(TypeDecorator[RunFacts]):
    """Facts of a run as JSON, limited to the fields that are set."""

    impl = Json
    cache_ok = True

    def process_bind_param(self, value: RunFacts | None, dialect: Dialect) -> Any:
        return None if value is None else value.as_json()

    def process_result_value(self, value: Any, dialect: Dialect) -> RunFacts | None:
        return None if value is None else RunFacts.model_validate(value)


class FloatOrNan(TypeDecorator[float]):
    """Float with NaN stored as NULL, as SQLite does in any case."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        return None if value is None or math.isnan(value) else value

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        return math.nan if value is None else value


metadata = MetaData()

datasets = _Table(
    "datasets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("classes", Json, nullable=False),
    Column("counts", Json, nullable=False),
    Column("n_skipped", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("warnings", Json, nullable=False),
    Column("reading", Text, nullable=False, default=""),
    # Seconds since the epoch; NULL outside the bin.
    Column("binned_at", Double),
    Column("levels", Json),
    # Id of a person; empty for the operator.
    Column("owner", Text, nullable=False, default=""),
    Column("fingerprint", Text, nullable=False, default=""),
    Column("shared_at", Double),
    Column("is_copy", BigInteger, nullable=False, default=0),
    Index("datasets_by_owner", "owner"),
)

images = _Table(
    "images",
    metadata,
    Column("dataset_id", Text, ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("class_name", Text, nullable=False),
    Column("split", Text),
    Column("extension", Text, nullable=False),
    Column("width", BigInteger, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("pixels", Text),
)

skipped_files = _Table(
    "skipped_files",
    metadata,
    Column("dataset_id", Text, ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

runs = _Table(
    "runs",
    metadata,
    # Order of addition, for which timestamps are no use: a clock may be set back.
    # SQLite numbers rows by itself only if the type is exactly INTEGER.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    # "cancel" or "pause" once a running run was asked to stop.
    Column("requested", Text),
    # Not `Json`, because pydantic writes and reads the text itself.
    Column("config", Text, nullable=False),
    # No foreign key: a run outlives its dataset.
    Column("dataset_id", Text, nullable=False),
    Column("dataset_name", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("message", Text, nullable=False),
    Column("progress", Json),
    Column("epochs_done", BigInteger, nullable=False),
    Column("best_epoch", BigInteger),
    Column("val_accuracy", Double),
    Column("result", Json),
    Column("facts", Facts, nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("tags", Json, nullable=False, default=()),
    Column("is_favourite", BigInteger, nullable=False, default=0),
    Column("binned_at", Double),
    Column("owner", Text, nullable=False, default=""),
    Column("published_at", Double),
    Column("shows_images", BigInteger, nullable=False, default=0),
    # Repeats what settings and facts say, for lists that read neither.
    Column("backbone", Text, nullable=False, default=""),
    Column("comparison", Text, nullable=False, default=""),
    # Place among the runs of the same owner: those with lower numbers come first.
    Column("rank", BigInteger, nullable=False),
    # Above 0 for a waiting run that goes before everyone's others, the highest first.
    Column("urgency", BigInteger, nullable=False, default=0),
    # Time of the last sign of life of the process that executes it.
    Column("heard_at", Double),
    # Finds the queued runs without reading the others.
    Index("runs_by_state", "state", "number"),
    Index("runs_by_dataset", "dataset_id"),
    Index("runs_by_owner", "owner", "number"),
    Index("runs_by_publication", "published_at"),
    Index("runs_by_comparison", "comparison"),
    Index("runs_by_rank", "rank"),
)

turns = _Table(
    "turns",
    metadata,
    Column("owner", Text, primary_key=True),
    # Grows by one with every run that is taken from the queue. Kept apart from the runs, since
    # nobody is to get another turn by deleting one.
    Column("turn", BigInteger, nullable=False),
)

training_time = _Table(
    "training_time",
    metadata,
    # Kept apart from the runs, since nobody is to get time back by deleting or resuming one.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("ended_at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Index("training_time_by_owner", "owner", "ended_at"),
)

metrics = _Table(
    "metrics",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("split", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", FloatOrNan),
    Column("n", BigInteger, nullable=False),
)

predictions = _Table(
    "predictions",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("split", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("n_classes", BigInteger, nullable=False),
    Column("positions", LargeBinary, nullable=False),
    Column("labels", LargeBinary, nullable=False),
    Column("probabilities", LargeBinary, nullable=False),
)


presets = _Table(
    "presets",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("shared_at", Double),
)

people = _Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("joined_at", Double, nullable=False),
    Column("removed_at", Double),
    # Digest of the personal word; NULL for those who sign in elsewhere.
    Column("word", Text, unique=True),
    # Who this is to the provider that signs people in.
    Column("subject", Text, unique=True),
)

sessions = _Table(
    "sessions",
    metadata,
    # SHA-256 of what the browser sends.
    Column("token", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    Index("sessions_by_person", "person_id"),
)

house_settings = _Table(
    "house_settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Json, nullable=False),
)


def row_of(record: Any, **more: Any) -> dict[str, Any]:
    """Return the fields of a flat record by name."""
    # `dataclasses.asdict` copies deeply and takes five times as long.
    return {**more, **{field: getattr(record, field) for field in record.__slots__}}
