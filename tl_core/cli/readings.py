"""Reading of a dataset's folders as commands say it, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tl_core.cli.output import out
from tl_core.records import DatasetRecord
from tl_core.text import isolated, shorten

if TYPE_CHECKING:
    from tl_core.data.choosing import Reading

_MOST_CLASSES = 6


@dataclass(frozen=True, slots=True)
class FoundDataset:
    """Dataset that a command works on."""

    record: DatasetRecord
    readings: Sequence[Reading] = ()
    """Reading of its folders, then the other plausible ones; empty for one known before."""

    def tell(self) -> None:
        """Print how the folders were read, if this command has read them."""
        if self.readings:
            for line in reading_lines(self.record, self.readings):
                out.print(line)

    def as_json(self) -> dict[str, Any]:
        """Return the sentence and the other readings; nothing if nothing was read."""
        return readings_json(self.record, self.readings) if self.readings else {}


def reading_lines(record: DatasetRecord, readings: Sequence[Reading]) -> list[str]:
    """Return the sentence of the reading that was taken, and one for each other plausible one."""
    lines = [record.reading] if record.reading else []
    for reading in readings[1:]:
        lines.append(
            f"It could also be read as {_classes(reading)}: choose that with "
            f"--classes-at {reading.level}."
        )
    return lines


def readings_json(record: DatasetRecord, readings: Sequence[Reading]) -> dict[str, Any]:
    return {
        "reading": record.reading,
        "classes_at": readings[0].level if readings else None,
        "other_readings": [
            {
                "classes_at": reading.level,
                "sentence": reading.sentence,
                "counts": dict(reading.counts),
                "examples": {
                    name: [example.name for example in examples]
                    for name, examples in reading.examples.items()
                },
            }
            for reading in readings[1:]
        ],
    }


def _classes(reading: Reading) -> str:
    names = [isolated(shorten(name, 40)) for name in reading.counts]
    shown = ", ".join(names[:_MOST_CLASSES])
    more = f" and {len(names) - _MOST_CLASSES} more" if len(names) > _MOST_CLASSES else ""
    return f"{len(names)} classes ({shown}{more})"
