"""Command `export`."""

from cli.commanding import answer, complaint, run

from tl_core.export import Exported, Figures


def test_a_run_is_exported(home, finished, tmp_path, monkeypatch):
    _, done = finished
    told = answer(
        run(home, "export", done.id, "--to", tmp_path / "zips", "--format", "zip,onnx", "--json")
    )
    sizes = {each["name"]: each["bytes"] for each in told["files"]}
    assert {"model.onnx", "predict.py", "README.md"} <= sizes.keys() and told["left_out"] == []
    (zipped,) = (tmp_path / "zips").iterdir()
    assert zipped.name == f"transferlab-{done.id}.zip"
    assert zipped.stat().st_size > sizes["model.onnx"]
    assert "there already" in complaint(run(home, "export", done.id, "--to", tmp_path / "zips"))
    assert "no format called" in complaint(
        run(home, "export", done.id, "--to", tmp_path / "no", "--format", "onx")
    )
    assert (
        "there is no run" in complaint(run(home, "export", "nope", "--to", tmp_path / "no")).lower()
    )
    figures = Figures("onnx", 2_000_000, 3.25, done.result.n, 4, 5, 1e-6)
    ready = Exported(
        tmp_path / "away", (("model.onnx", 2_000_000),), (figures,), ("train.py: no.",), 9
    )
    monkeypatch.setattr("tl_core.export.export_run", lambda *_, **__: ready)
    printed = run(home, "export", done.id, "--to", tmp_path / "away").stdout
    assert "model.onnx (2.00 MB)" in printed
    assert f"4 of {done.result.n}" in printed
    assert "Left out: train.py" in printed
