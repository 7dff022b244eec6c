"""Tables as CSV that a spreadsheet may open: text from outside is never taken for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""The wide ones are formulas, too, where people write Japanese."""


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A line for each row, after the header. Text that begins like a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(
        [harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return out.getvalue()


def harmless(text: str) -> str:
    return (
        f"'{text}" if text.startswith("\r") or text.lstrip(" \n").startswith(_BEGINNINGS) else text
    )
