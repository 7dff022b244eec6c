"""Spreadsheets: names of files and classes are always text, never formulas."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from tl_core.spreadsheet import as_csv, harmless


def test_text_that_begins_like_a_formula_gets_an_apostrophe():
    table = as_csv(
        ["file", "reason", "n"], [("=1+1.jpg", "It is empty.", -1), ('a,"b".jpg', " @SUM(1)", 0.5)]
    )
    assert table.splitlines() == [
        "file,reason,n",
        "'=1+1.jpg,It is empty.,-1",
        '"a,""b"".jpg",\' @SUM(1),0.5',
    ]


@given(st.lists(st.text(), min_size=2, max_size=2))
def test_every_text_comes_back_with_at_most_an_apostrophe_more(row: list[str]):
    _, read = csv.reader(io.StringIO(as_csv(["a", "b"], [row]), newline=""))
    assert [cell.removeprefix("'") for cell in read] == [
        cell.removeprefix("'") for cell in map(harmless, row)
    ]
    assert not any(cell.strip(" \n")[:1] in tuple("=+-@\t＝＋－＠") for cell in read if cell)
