"""Runs are packed in threads of their own, one zip a run, and the page finds them again."""

import errno
import time

import pytest

from tl_core.export import package
from tl_ui.exports import Exports, export_file, packed_formats, read_packed

FORMATS = ("safetensors", "onnx")


def finish(job, seconds=120):
    end = time.monotonic() + seconds
    while not job.is_finished and time.monotonic() < end:
        time.sleep(0.05)
    assert job.is_finished
    return job


@pytest.fixture
def packed(finished):
    """The workspace and run, whose zips are gone afterwards."""
    workspace, run = finished
    yield workspace, run
    for file in workspace.artifacts.run_folder(run.id).glob("export-*.zip"):
        file.unlink()


def test_a_run_is_packed_once_and_found_again(packed):
    workspace, run = packed
    exports = Exports(workspace)
    job = exports.start(run.id, FORMATS)
    assert exports.start(run.id, FORMATS) is job is exports.get(run.id)
    assert finish(job).error == ""
    found = read_packed(workspace, run.id, FORMATS)
    assert found.n_bytes == export_file(workspace, run.id, FORMATS).stat().st_size
    assert [each.name for each in found.figures] == ["safetensors", "onnx"]
    assert found.receipt["n"] == run.result.n and not found.has_training_script
    assert read_packed(workspace, run.id, ("onnx",)) is None and packed_formats(workspace, run.id) == FORMATS
    workspace.artifacts.checkpoint(run.id).touch()
    assert read_packed(workspace, run.id, FORMATS) is None


def test_what_goes_wrong_is_kept_as_a_sentence(packed, monkeypatch):
    workspace, run = packed
    job = Exports(workspace).start("nope", FORMATS)
    assert "nope" in finish(job).error

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(package.formats, "write_onnx", full)
    job = Exports(workspace).start(run.id, FORMATS)
    assert "disk is full" in finish(job).error
    assert read_packed(workspace, run.id, FORMATS) is None
    monkeypatch.undo()
    blocked = export_file(workspace, run.id, FORMATS)
    blocked.mkdir()  # what cannot be taken away, as in a folder that may not be written to
    assert "could not be written" in finish(Exports(workspace).start(run.id, FORMATS)).error
    blocked.rmdir()


def test_a_stopped_one_leaves_nothing(packed):
    workspace, run = packed
    job = Exports(workspace).start(run.id, FORMATS)
    job.cancel()
    assert finish(job).error.startswith("Stopped")
    assert read_packed(workspace, run.id, FORMATS) is None


def test_a_damaged_zip_is_no_zip(packed):
    workspace, run = packed
    export_file(workspace, run.id, FORMATS).write_bytes(b"PK rubbish")
    assert read_packed(workspace, run.id, FORMATS) is None
