"""Section of a run's page about its export."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE

from tl_core.export import Figures, busy_sentence
from tl_ui import resources
from tl_ui.background import get_jobs
from tl_ui.run import export as run_export
from tl_ui.run.export import figure_row, receipt_words
from tl_ui.run.export_jobs import Packed

FIGURES = Figures("int8", 1_234_567, 3.21, 400, 371, 388, 0.7)


def show_page(run):
    from tl_ui.run.export import show_export

    show_export(run)


@pytest.fixture
def page(finished, monkeypatch):
    """Opens the section for a completed run."""
    workspace, run = finished
    for cached in (resources.get_workspace, resources.get_tokens, get_jobs):
        cached.cache_clear()
    monkeypatch.setenv("TRANSFERLAB_HOME", str(workspace.settings.home))
    app = AppTest.from_function(show_page, args=(run,), default_timeout=PATIENCE)
    app.session_state[f"export-open-{run.id}"] = True
    yield app.run
    for cached in (resources.get_workspace, resources.get_tokens, get_jobs):
        cached.cache_clear()


def test_it_says_what_the_zip_holds_before_it_is_made(page):
    app = page()
    assert not app.exception and app.expander[0].label == "Export"
    assert "receipt" in app.markdown[0].value
    assert [box.label for box in app.checkbox] == ["Also in 8 bits", "Also as TorchScript"]
    assert all(box.help for box in app.checkbox) and app.button[0].label == "Make the zip"


def test_made_it_is_downloaded_and_its_figures_are_shown(page, finished, monkeypatch):
    _, run = finished
    receipt = {"n": 20, "difference": 3e-6, "tolerance": 0.02}
    left_out = ("There is no <b>:red[x]</b>.",)
    packed = Packed(
        12_345_678, (FIGURES,), receipt, left_out, has_training_script=True, parameters=3_400_000
    )
    monkeypatch.setattr(run_export, "read_packed", lambda *_: packed)
    app = page()
    assert not app.exception and not app.button
    (download,) = app.get("link_button")
    assert download.proto.label == "Download the zip (12.3 MB)"
    assert download.proto.url.startswith(f"/api/runs/{run.id}/export-safetensors-onnx.zip?token=")
    said = "\n".join(caption.value for caption in app.caption)
    assert "20 test images" in said and "less than 0.00001" in said and "<b>" not in said
    assert "verify.py" in app.code[0].value


def test_a_row_says_what_was_measured():
    assert figure_row(FIGURES) == {
        "Form": "ONNX in 8 bits",
        "Size": "1.2 MB",
        "One image": "3.2 ms",
        "Test images right": "371 of 400",
        "Same answer": "388 of 400",
    }
    assert "at most 0.00312" in receipt_words({"n": 20, "difference": 0.003123, "tolerance": 0.02})


def test_speeds_say_when_the_machine_was_busy():
    busy = replace(FIGURES, others_share=0.62)
    assert "up to 62 % of the machine" in busy_sentence([FIGURES, busy])
    assert busy_sentence([FIGURES]) == busy_sentence([]) == ""
