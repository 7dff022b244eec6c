"""Runs are packed in a child process, one zip a run, and the page finds them again."""

import pytest
from waiting import wait_until

from tl_ui.background import get_jobs
from tl_ui.run.export_jobs import (
    export_file,
    find_packing,
    packed_formats,
    packs,
    read_packed,
    start_packing,
)

FORMATS = ("safetensors", "onnx")


def finish(job):
    wait_until(lambda: job.is_over, "the end of the packing")
    return job


@pytest.fixture
def packed(finished, monkeypatch):
    """Workspace and run, whose zips are deleted afterwards."""
    workspace, run = finished
    monkeypatch.setenv("TRANSFERLAB_HOME", str(workspace.settings.home))
    get_jobs.cache_clear()
    yield workspace, run
    for file in workspace.artifacts.run_folder(run.id).glob("export-*.zip"):
        file.unlink()
    get_jobs.cache_clear()


def test_a_run_is_packed_once_and_found_again(packed):
    workspace, run = packed
    job = start_packing(workspace, run.id, FORMATS)
    assert start_packing(workspace, run.id, ("onnx",)) is job is find_packing(workspace, run.id)
    assert packs(job, FORMATS) and not packs(job, ("onnx",))
    assert finish(job).error == ""
    found = read_packed(workspace, run.id, FORMATS)
    assert found.n_bytes == export_file(workspace, run.id, FORMATS).stat().st_size
    assert [each.name for each in found.figures] == ["safetensors", "onnx"]
    assert found.receipt["n"] == run.result.n and found.has_training_script
    assert read_packed(workspace, run.id, ("onnx",)) is None
    assert packed_formats(workspace, run.id) == FORMATS
    # A newer model makes the zip out of date.
    workspace.artifacts.checkpoint(run.id).touch()
    assert read_packed(workspace, run.id, FORMATS) is None


def test_a_failure_is_kept_as_a_sentence(packed):
    workspace, run = packed
    job = start_packing(workspace, "nope", FORMATS)
    assert "nope" in finish(job).error
    assert not workspace.artifacts.run_folder("nope").exists()
    formats = ("safetensors",)
    blocked = export_file(workspace, run.id, formats)
    # A folder in the zip's place cannot be replaced, as in a place without write permission.
    blocked.mkdir()
    job = start_packing(workspace, run.id, formats)
    finish(job)
    blocked.rmdir()
    assert "could not be written" in job.error


def test_a_stopped_one_leaves_nothing_but_what_was_there(packed):
    workspace, run = packed
    before = export_file(workspace, run.id, ("onnx",))
    before.write_bytes(b"of another time")
    job = start_packing(workspace, run.id, FORMATS)
    wait_until(lambda: job.progress()[0] >= 0.05 or job.is_over, "a beginning")
    job.stop()
    assert finish(job).error == "It was stopped."
    assert read_packed(workspace, run.id, FORMATS) is None
    files = workspace.artifacts.run_folder(run.id).parent.parent.rglob("*onnx*")
    assert [file for file in files if file.is_file()] == [before]


def test_a_damaged_zip_is_no_zip(packed):
    workspace, run = packed
    export_file(workspace, run.id, FORMATS).write_bytes(b"PK rubbish")
    assert read_packed(workspace, run.id, FORMATS) is None
