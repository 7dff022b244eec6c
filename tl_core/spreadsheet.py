"""Tables as CSV that a spreadsheet may open: text from outside is never taken for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TextIO

_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Spreadsheets also take the full-width signs for the beginning of a formula."""


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A line for the header and for each row, made harmless."""
    out = io.StringIO()
    write_csv(out, header, rows)
    return out.getvalue()


def write_csv(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write the same to a file that was opened with `newline=""`."""
    writer = csv.writer(out)
    writer.writerow([harmless(name) for name in header])
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])


def harmless(cell: object) -> object:
    """Text gets an apostrophe in front where a spreadsheet would take it for a formula.

    Text that begins with an apostrophe gets another one, so that the original can be had again.
    """
    if not isinstance(cell, str):
        return cell
    is_risky = cell.startswith(("\r", "\n", "'")) or cell.lstrip(" \n").startswith(_BEGINNINGS)
    return f"'{cell}" if is_risky else cell
