from contextlib import contextmanager, nullcontext
from functools import partial

import pytest
from data.making import png
from waiting import wait_until

from tl_core.cancellation import NEVER
from tl_core.data.samples import sample_source
from tl_core.data.sources import Entry, EntryList
from tl_core.errors import DatasetRefused
from tl_core.settings import Settings
from tl_core.workspace import open_workspace
from tl_ui.data.import_jobs import Imports
from tl_ui.data.questions import Question


@pytest.fixture
def workspace(tmp_path):
    return open_workspace(Settings.from_environment({"TRANSFERLAB_HOME": str(tmp_path)}))


def finish(job):
    wait_until(lambda: job.is_finished, "the end of the import")
    return job


def test_an_import_goes_on_by_itself_and_ends_in_a_dataset(workspace):
    imports = Imports(workspace)
    job = finish(imports.start("shapes", nullcontext(sample_source("shapes"))))
    assert job.result.record.n == 240
    assert job.error == ""
    assert imports.get(job.id) is job
    assert workspace.store.list_datasets() == [job.result.record]


def test_a_refusal_is_kept_as_its_sentence(workspace):
    job = finish(Imports(workspace).start("nothing", nullcontext(EntryList("upload", []))))
    assert job.result is None
    assert job.error.endswith(".")
    assert workspace.store.list_datasets() == []


def test_what_an_import_opened_is_closed_however_it_ends(workspace):
    closed = []

    @contextmanager
    def opening():
        try:
            yield EntryList("upload", [])
        finally:
            closed.append(True)

    finish(Imports(workspace).start("nothing", opening()))
    assert closed == [True]


def test_a_stopped_import_leaves_nothing(workspace):
    job = Imports(workspace).start("digits", nullcontext(sample_source("digits")))
    job.cancel()
    finish(job)
    assert job.error.startswith("Stopped")
    assert workspace.store.list_datasets() == []
    assert not list((workspace.settings.home / "staging").iterdir())


def make_groups(n=3):
    """Return a source whose folders can be read at two levels."""
    labels = [("animals", "cats"), ("animals", "dogs"), ("vehicles", "cars"), ("vehicles", "vans")]
    names = [f"{group}/{label}/{i}.png" for group, label in labels for i in range(n)]
    entries = [
        Entry(tuple(name.split("/")), partial(iter, [png(seed)])) for seed, name in enumerate(names)
    ]
    return EntryList("upload", entries)


def ask(imports):
    job = imports.start("groups", nullcontext(make_groups()))
    wait_until(lambda: job.question or job.is_finished, "the question")
    return job


def test_an_import_waits_for_the_choice_of_a_reading_and_shows_pictures_of_each(workspace):
    job = ask(Imports(workspace))
    first, second = job.question.readings
    assert list(first.counts) == ["animals", "vehicles"]
    assert list(second.counts) == ["cars", "cats", "dogs", "vans"]
    examples = [
        e for reading in (first, second) for some in reading.examples.values() for e in some
    ]
    assert all(job.question.pictures[e.index].startswith("data:image/webp") for e in examples)
    assert workspace.store.list_datasets() == []
    job.question.answer(second.level)
    assert finish(job).result.record.classes == ("cars", "cats", "dogs", "vans")
    assert job.question is None


def test_an_answer_that_is_no_reading_changes_nothing_and_the_first_answer_counts(workspace):
    job = ask(Imports(workspace))
    question = job.question
    question.answer("99")
    assert not question.is_answered
    question.answer("2")
    question.answer("1")
    assert len(finish(job).result.record.classes) == 4


def test_imports_that_wait_for_a_person_hold_up_no_other(workspace):
    imports = Imports(workspace)
    waiting = [ask(imports) for _ in range(3)]
    assert finish(imports.start("shapes", nullcontext(sample_source("shapes")))).result
    for job in waiting:
        job.cancel()
        assert finish(job).error.startswith("Stopped")
    assert len(workspace.store.list_datasets()) == 1


def test_a_question_that_nobody_answers_ends_in_a_sentence():
    with pytest.raises(DatasetRefused, match="Nobody chose"):
        Question((), {}).wait(NEVER, seconds=0.01)
