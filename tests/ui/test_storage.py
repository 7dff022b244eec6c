"""Storage below the bin: sizes of datasets, runs and people, and a button that frees space."""

from filled_pages import add_run, buttons, dataset, links, open_page, words, workspace

from tl_core.text import size
from tl_core.upkeep.sizes import measure

__all__ = ["add_run", "dataset", "workspace"]


def test_an_empty_bin_still_shows_what_takes_room(workspace, dataset, add_run):
    run = add_run()
    folder = workspace.artifacts.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "export-onnx.zip").write_bytes(bytes(123_456))
    app = open_page("bin")
    assert not app.exception
    assert "The bin is empty" in words(app) and "are free" in words(app)
    total = size(measure(workspace).total("run"))
    assert f"runs **{total}**" in words(app)
    table = app.dataframe[0].value
    assert set(table["Kind"]) == {"Dataset", "Run"}
    # Names are shown as they are, whatever they hold.
    assert dataset.name in set(table["Name"])
    assert "Free space…" in buttons(app)
    assert "Storage" in links(open_page("data"))


def test_a_dialog_says_what_goes_and_what_else_could(workspace, dataset):
    app = open_page("bin")
    next(button for button in app.button if button.label == "Free space…").click().run()
    assert "Nothing is lost" in words(app) and "emptying the bin" in words(app)
