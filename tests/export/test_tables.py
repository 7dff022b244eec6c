"""Tables are harmless in spreadsheets, and labels stay exact."""

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.export.tables import write_csv, write_labels
from tl_core.spreadsheet import harmless

NASTY = [
    '=HYPERLINK("http://x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "＝1",
    "'quoted",
    'say "hi", twice',
    "two\nlines",
]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_no_cell_begins_a_formula(text):
    cell = harmless(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert cell in (text, f"'{text}")


def test_numbers_stay_numbers():
    assert [harmless(value) for value in (0.25, 3, -1)] == [0.25, 3, -1]


def test_what_is_written_is_read_back(tmp_path):
    write_csv(tmp_path / "a.csv", ["name", *NASTY], [["x", *NASTY]])
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        head, row = csv.reader(file)
    assert head == ["name", *map(harmless, NASTY)] and row == ["x", *map(harmless, NASTY)]


@pytest.mark.parametrize(
    "label", ["back\\slash", "two\nlines", "tab\there", "line\u2028separator", "שלום 🦊", "x" * 300]
)
def test_a_label_is_one_line_of_text_and_exact_in_json(tmp_path, label):
    write_labels([label, "other"], tmp_path)
    assert json.loads((tmp_path / "labels.json").read_text("utf-8")) == [label, "other"]
    first, second = (tmp_path / "labels.txt").read_text("utf-8").splitlines()
    assert second == "other"
    assert first.encode("latin-1", "backslashreplace").decode("unicode_escape") == label
