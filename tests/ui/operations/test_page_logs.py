"""Lines of the log that a page causes name the person of the page."""

import json
import logging
from contextlib import nullcontext

import pytest
from logging_here import logged
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE, wait_until

from tl_core.access import Directory, bind
from tl_core.data.sources import EntryList
from tl_core.records import Person
from tl_ui.background import Jobs
from tl_ui.data import import_jobs
from tl_ui.people import person_of_page

__all__ = ["logged"]


@pytest.fixture
def lines(logged):
    """Return a function that gives the lines so far, of a log that asks pages for their person."""
    stream = logged("json", (), person_of_page)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def ann(workspace) -> Person:
    person, _ = Directory(workspace).join("Ann")
    return person


def test_a_line_of_a_pages_script_and_of_its_failure_names_the_person(lines, monkeypatch):
    for name in ("streamlit", "streamlit.error_util"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)

    def show():
        import logging

        logging.getLogger("tl_ui.test").info("Drawn")
        raise ValueError("a defect")

    app = AppTest.from_function(show, default_timeout=PATIENCE)
    app.user["person"] = "p1"
    app.run()
    # Streamlit itself has something to say of tests before.
    drawn, failed = lines()[-2:]
    assert (drawn["message"], drawn["person"]) == ("Drawn", "p1")
    assert "a defect" in failed["trace"] and failed["person"] == "p1"


def test_outside_of_pages_a_line_names_nobody(lines):
    logging.getLogger("tl_ui.test").info("Started")
    assert "person" not in lines()[0]


def test_a_background_job_is_logged_for_who_asked(lines, tmp_path):
    job = Jobs().start(["no-such-command"], tmp_path / "x.json", "p1")
    wait_until(lambda: job.is_over)
    (line,) = lines()
    assert "no-such-command" in line["message"] and line["person"] == "p1"


def test_an_import_that_fails_is_logged_for_who_asked(lines, workspace, ann, monkeypatch):
    def fail(*arguments, **options):
        raise ValueError("a defect")

    monkeypatch.setattr(import_jobs, "import_dataset", fail)
    imports = import_jobs.Imports(bind(workspace, ann))
    job = imports.start("nothing", nullcontext(EntryList("upload", [])))
    wait_until(lambda: job.is_finished)
    assert "failed unexpectedly (ValueError)" in job.error
    (line,) = lines()
    assert "a defect" in line["trace"] and line["person"] == ann.id
