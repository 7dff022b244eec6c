"""Reports of everyone in one zip."""

import csv
import io
import zipfile
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making_runs import TINY, import_folder, run_config

from tl_core.access import Directory, bind
from tl_core.errors import NotAllowed
from tl_core.records import Person, Role
from tl_core.report.hand_in import safe_name, write_hand_in
from tl_core.runners import InlineRunner
from tl_core.runs.predictor import Predictor

HOSTILE = '../=cmd|"<script>'


@pytest.fixture
def students(workspace, colours_folder):
    """Let two students train, one under a name that is no file name, and a third do nothing."""
    directory = Directory(workspace)
    people = [directory.join(name)[0] for name in ("Ada", HOSTILE, "Idle")]
    for person in people[:2]:
        theirs = bind(workspace, person)
        dataset = import_folder(theirs, colours_folder)
        InlineRunner(theirs).submit(run_config(dataset, TINY, epochs=1))
    return people


def pack(workspace, folder, on_progress=lambda *_: None):
    load = partial(Predictor.of_run, workspace)
    to = folder / "all.zip"
    return write_hand_in(workspace.store, workspace.artifacts, to, on_progress, load)


def test_each_tested_run_has_a_report_in_the_folder_of_its_person(workspace, students, tmp_path):
    said = []
    made = pack(workspace, tmp_path, lambda *words: said.append(words))
    assert (made.n_reports, made.n_people, made.left_out) == (2, 2, ())
    assert [share for share, _ in said] == [0.0, 0.5]
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        names = archive.namelist()
        table = list(csv.DictReader(io.StringIO(archive.read("reports.csv").decode("utf-8-sig"))))
        pages = [archive.read(row["report"]).decode() for row in table]
    assert all(".." not in name and not name.startswith("/") for name in names)
    assert {row["person"] for row in table} == {"Ada", HOSTILE}
    assert {row["report"].split("/")[0] for row in table} >= {"Ada"}
    assert all(row["run"] in page for row, page in zip(table, pages, strict=True))


def test_a_student_cannot_pack_the_reports_of_others(workspace, students, tmp_path):
    with pytest.raises(NotAllowed):
        pack(bind(workspace, students[0]), tmp_path)
    assert not (tmp_path / "all.zip").exists()


def test_a_teacher_packs_the_same_as_the_server(workspace, students, tmp_path):
    teacher = Person("teacher1", "Tess", Role.ADMIN, 0.0)
    workspace.store.add_person(teacher)
    made = pack(bind(workspace, teacher), tmp_path)
    assert made.n_reports == 2


@given(st.text())
def test_any_name_becomes_part_of_a_file_name_that_every_system_takes(text):
    name = safe_name(text)
    assert name
    assert len(name) <= 61
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert name == name.strip(" .")
    assert name.split(".")[0].casefold() not in {"con", "nul", "aux", "com1"}
