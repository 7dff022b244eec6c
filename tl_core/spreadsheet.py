"""CSV tables in which a spreadsheet never takes user text for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TextIO

_FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Prefixes that start a formula; full-width ones do so in Japanese spreadsheets."""


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Format header and rows as CSV. Text that begins like a formula gets an apostrophe."""
    out = io.StringIO()
    write_csv(out, header, rows)
    return out.getvalue()


def write_csv(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write header and rows as CSV to a file that was opened with `newline=""`."""
    writer = csv.writer(out)
    writer.writerow([harmless(name) for name in header])
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])


def harmless(cell: object) -> object:
    """Put an apostrophe in front of text that a spreadsheet would take for a formula.

    Text that begins with an apostrophe gets another one, so that the original can be restored.
    """
    if not isinstance(cell, str):
        return cell
    # Some spreadsheets drop blanks in front before they look for a formula.
    is_risky = cell.startswith(("\r", "\n", "'")) or cell.lstrip(" \n").startswith(
        _FORMULA_PREFIXES
    )
    return f"'{cell}" if is_risky else cell
