"""CSV tables in which a spreadsheet never takes user text for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Prefixes that start a formula; full-width ones do so in Japanese spreadsheets."""


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Format header and rows as CSV. Text that begins like a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(
        [harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return out.getvalue()


def harmless(text: str) -> str:
    return (
        f"'{text}"
        if text.startswith("\r") or text.lstrip(" \n").startswith(_FORMULA_PREFIXES)
        else text
    )
