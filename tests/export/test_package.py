"""An exported run reproduces the app's predictions, is documented, and is complete or absent."""

import csv
import errno
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from backbones.families import every_family
from export.making_exports import make_tested, run_script
from making_runs import TINY, import_folder, make_colours, run_config
from safetensors import safe_open

from tl_core.cancellation import Stop
from tl_core.datasets.importing import delete_dataset
from tl_core.errors import Cancelled, ConfigError, ExportRefused, RunNotReady
from tl_core.export import documents, export_run, package, parse_formats
from tl_core.export.markdown import plain_sentence
from tl_core.export.standalone import predict
from tl_core.facts import RunFacts, SplitSizes
from tl_core.features.onnx_export import OnnxUnfit
from tl_core.records import RunState
from tl_core.runs.results import results_of

NASTY = ['=cmd|"x"', '<img src=x>| *b* `c` two\nlines, "quoted"', "שלום 🦊 " + "x" * 200]


def verify(python, folder, into, spoil=None):
    """Run verify.py in a copy of the folder, with a replacement in predict.py."""
    shutil.copytree(folder, into)
    if spoil:
        source = (into / "predict.py").read_text("utf-8")
        before, after = spoil
        assert source.count(before) == 1
        (into / "predict.py").write_text(source.replace(before, after), "utf-8")
    return run_script(python, into / "verify.py")


def staging(workspace):
    return list((workspace.settings.home / "staging").iterdir())


@pytest.fixture
def tiny(workspace, colours):
    """Tested run with a small network."""
    return make_tested(workspace, colours, "squeezenet1_1", image_size=40)


# Contents


def test_all_files_are_there_and_named_in_the_card(exported):
    paths = [path for path in exported.path.rglob("*") if path.is_file()]
    names = {str(path.relative_to(exported.path)) for path in paths}
    assert names == {name for name, _ in exported.files}
    wanted = "model.safetensors model.onnx model.int8.onnx model.torchscript.pt preprocess.json "
    wanted += "labels.txt labels.json config.json metrics.json predictions.csv predict.py "
    wanted += "verify.py requirements.txt split.csv"
    assert {*wanted.split(), "README.md"} <= names
    card = (exported.path / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in card for name in wanted.split())


def test_the_figures_are_those_of_the_run(exported, finished):
    workspace, run = finished
    metrics = json.loads((exported.path / "metrics.json").read_text("utf-8"))
    test = results_of(workspace.store, run.id).test
    assert metrics["test"]["accuracy"]["value"] == test.accuracy.value
    assert metrics["test"]["n"] == run.result.n
    card = (exported.path / "README.md").read_text("utf-8")
    assert f"of {run.result.n} test images" in card
    assert "95 % interval" in card
    assert "Apache-2.0" in card
    with (exported.path / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    _, stored = workspace.store.list_predictions(run.id, "test")
    assert [int(row["predicted_label"]) for row in rows] == [p.predicted for p in stored]
    assert [float(row["red"]) for row in rows] == [p.probabilities[2] for p in stored]


def test_every_format_is_checked_on_the_test_images(exported, finished):
    _, run = finished
    figures = {each.name: each for each in exported.figures}
    assert set(figures) == {"safetensors", "onnx", "int8", "torchscript"}
    assert {each.n for each in exported.figures} == {run.result.n}
    assert figures["safetensors"].right == round(run.result.accuracy * run.result.n)
    for name in ("onnx", "torchscript"):
        assert figures[name].same == run.result.n and figures[name].difference < 0.002
    assert figures["int8"].n_bytes < figures["onnx"].n_bytes / 2
    assert all(each.milliseconds > 0 for each in exported.figures)
    assert all(0 <= each.others_share <= 1 for each in exported.figures)


def test_the_onnx_file_holds_its_metadata_and_takes_any_batch(exported, finished):
    model = predict.Model(exported.path / "model.onnx")
    assert model.labels == ["blue", "green", "red"]
    assert model.preprocess == json.loads((exported.path / "preprocess.json").read_text("utf-8"))
    size = model.preprocess["size"]
    for n in (1, 3):
        (logits,) = model.session.run(None, {"images": np.zeros((n, 3, size, size), np.float32)})
        assert logits.shape == (n, 3)
    with safe_open(exported.path / "model.safetensors", "pt") as file:
        assert json.loads(file.metadata()["classes"]) == model.labels


# Parity with the app


def test_an_export_can_be_verified_without_the_app(exported, bare_python, tmp_path):
    done = verify(bare_python, exported.path, tmp_path / "copy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASSED")


@pytest.mark.parametrize(
    "spoil",
    [
        ("astype(np.float32) - mean", "astype(np.float32)[..., ::-1] - mean"),
        (
            '    size = preprocess["size"]',
            '    size = preprocess["size"]\n    return np.asarray(image.resize((size, size)))',
        ),
        (
            '    size = preprocess["size"]',
            '    size = preprocess["size"]\n    preprocess = {**preprocess, "resize": size}',
        ),
        ("- mean) / std", "- mean) * np.float32('nan')"),
    ],
    ids=["channels swapped", "stretched", "not cropped", "no number"],
)
def test_wrongly_read_images_fail_the_verification(exported, bare_python, tmp_path, spoil):
    done = verify(bare_python, exported.path, tmp_path / "copy", spoil)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("FAILED")


@pytest.mark.parametrize(
    "change", [{"resize": 99}, {"mean": [0.1, 0.1, 0.1]}, {"interpolation": "nearest"}]
)
def test_the_preprocessing_of_another_model_is_refused(exported, bare_python, tmp_path, change):
    copied = tmp_path / "copy"
    shutil.copytree(exported.path, copied)
    file = copied / "preprocess.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **change}), "utf-8")
    for script, *given in (["verify.py"], ["predict.py", copied / "receipt"]):
        done = run_script(bare_python, copied / script, *given)
        assert done.returncode == 1 and "do not belong together" in done.stderr


@every_family(["squeezenet1_1", "test_vit"])
def test_every_family_is_exported_and_verified(workspace, colours, bare_python, tmp_path, name):
    run = make_tested(workspace, colours, name)
    done = export_run(workspace, run.id, tmp_path / "away", ("onnx", "int8", "torchscript"))
    # With images this small, the feature maps of some networks are smaller than ONNX Runtime's
    # 8-bit convolutions allow.
    reason = "model.int8.onnx: ONNX Runtime cannot run"
    assert all(sentence.startswith(reason) for sentence in done.left_out)
    names = {each.name for each in done.figures}
    assert names | {"int8"} == {"safetensors", "onnx", "int8", "torchscript"}
    verified = run_script(bare_python, done.path / "verify.py")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_model_with_other_predictions_than_the_apps_is_refused(workspace, tiny, tmp_path):
    _, predictions = workspace.store.list_predictions(tiny.id, "test")
    others = [replace(each, probabilities=(0.1, 0.2, 0.7)) for each in predictions]
    workspace.store.put_predictions(tiny.id, "test", 1, others)
    # PyTorch's own predictions are compared first, whatever is exported.
    for format_ in ("safetensors", "onnx"):
        with pytest.raises(ExportRefused, match="PyTorch does not reproduce the app's predictions"):
            export_run(workspace, tiny.id, tmp_path / "away", (format_,))
    with pytest.raises(ExportRefused, match="does not reproduce the app's predictions"):
        export_run(workspace, tiny.id, tmp_path / "away")
    assert not (tmp_path / "away").exists() and staging(workspace) == []


# Names are data


def test_class_names_may_hold_any_characters(workspace, tmp_path, bare_python):
    folder = make_colours(tmp_path / "uploaded" / "nasty", 8)
    for old, new in zip(("blue", "green", "red"), NASTY, strict=True):
        (folder / old).rename(folder / new)
    dataset = import_folder(workspace, folder)
    assert set(dataset.classes) == set(NASTY)
    run = make_tested(workspace, dataset, "squeezenet1_1", image_size=40)
    away = export_run(workspace, run.id, tmp_path / "away").path
    assert json.loads((away / "labels.json").read_text("utf-8")) == list(dataset.classes)
    assert predict.Model(away / "model.onnx").labels == list(dataset.classes)
    with (away / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        head = next(csv.reader(file))
    assert not any(cell.startswith("=") for cell in head)
    card = (away / "README.md").read_text("utf-8")
    assert "<img" not in card.replace("\\<img", "")
    compile((away / "train.py").read_text("utf-8"), "train.py", "exec")
    assert run_script(bare_python, away / "predict.py", away / "receipt" / "01.png").returncode == 0


# Complete or not at all


def test_a_zip_holds_the_same_files_in_a_folder(workspace, tiny, tmp_path):
    done = export_run(workspace, tiny.id, tmp_path / "run.zip", as_zip=True)
    with zipfile.ZipFile(done.path) as archive:
        names = [f"transferlab-{tiny.id}/{name}" for name, _ in done.files]
        assert sorted(archive.namelist()) == sorted(names)
        assert archive.testzip() is None
    assert staging(workspace) == []


def test_a_full_disk_leaves_nothing(workspace, tiny, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for module, name in (
        (package, "pack"),
        (documents, "write_split"),
        (package.receipt, "write_receipt"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            with pytest.raises(ExportRefused, match="the disk is full"):
                export_run(workspace, tiny.id, tmp_path / "run.zip", as_zip=True)
        assert list(tmp_path.glob("*.zip")) == [] and staging(workspace) == []


def test_an_export_to_another_disk_appears_in_one_step(workspace, tiny, tmp_path, monkeypatch):
    replace_anywhere = Path.replace

    def replace_nearby(self, target):
        if self.parent != target.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace_anywhere(self, target)

    monkeypatch.setattr(Path, "replace", replace_nearby)
    away = export_run(workspace, tiny.id, tmp_path / "away" / "run").path
    assert (away / "model.onnx").is_file()
    assert [path.name for path in away.parent.iterdir()] == ["run"]


def test_existing_files_are_not_overwritten(workspace, tiny, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportRefused, match="there already"):
        export_run(workspace, tiny.id, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_stopped_export_leaves_nothing(workspace, tiny, tmp_path):
    with pytest.raises(Cancelled):
        export_run(workspace, tiny.id, tmp_path / "away", stop=Stop(lambda: True))
    assert not (tmp_path / "away").exists() and staging(workspace) == []


# Incomplete runs


def test_a_queued_running_or_failed_run_is_refused(workspace, colours, tmp_path):
    run = workspace.store.add_run(run_config(colours, TINY), colours.name)
    with pytest.raises(RunNotReady, match="has not begun"):
        export_run(workspace, run.id, tmp_path / "away")
    workspace.store.claim_run(run.id)
    with pytest.raises(RunNotReady, match="still training"):
        export_run(workspace, run.id, tmp_path / "away")
    workspace.store.finish_run(run.id, RunState.FAILED, "It failed.")
    with pytest.raises(RunNotReady, match="no model"):
        export_run(workspace, run.id, tmp_path / "away")


def test_without_its_dataset_an_export_lacks_files_and_says_so(workspace, colours, tiny, tmp_path):
    delete_dataset(workspace.store, workspace.artifacts, colours.id)
    done = export_run(workspace, tiny.id, tmp_path / "away", ("onnx", "int8"))
    names = {name for name, _ in done.files}
    assert {"model.onnx", "predictions.csv", "predict.py"} <= names
    assert not names & {"verify.py", "train.py", "split.csv", "model.int8.onnx"}
    assert "dataset was deleted" in " ".join(done.left_out) and "8 bits" in " ".join(done.left_out)
    card = (done.path / "README.md").read_text("utf-8")
    assert all(plain_sentence(sentence) in card for sentence in done.left_out)
    assert {each.asked for each in done.figures} == {"random"}
    assert "same prediction as PyTorch" in card


def test_a_run_without_a_test_is_exported_without_test_results(workspace, colours, tiny, tmp_path):
    run = workspace.store.add_run(
        tiny.config,
        colours.name,
        RunFacts(
            classes=colours.classes,
            splits=SplitSizes(train=24, val=3, test=3),
            continues="x",
        ),
    )
    workspace.store.claim_run(run.id)
    workspace.store.update_run(run.id, best_epoch=2, val_accuracy=0.75)
    shutil.copytree(workspace.artifacts.run_folder(tiny.id), workspace.artifacts.run_folder(run.id))
    workspace.store.finish_run(run.id, RunState.CANCELLED)
    done = export_run(workspace, run.id, tmp_path / "away")
    names = {name for name, _ in done.files}
    assert "model.onnx" in names and not names & {"predictions.csv", "verify.py"}
    assert all(each.right is None and each.n > 0 for each in done.figures)
    left_out = " ".join(done.left_out)
    assert "never tested" in left_out and "train.py: there is no" in left_out
    card = (done.path / "README.md").read_text("utf-8")
    assert "not tested. After epoch 2 it was right on 75.0 % of 3 validation images" in card
    assert f"Checked on {done.figures[0].n} validation images" in card
    assert "had been looked at before" in card


def test_the_card_of_a_continued_run_says_that_its_test_images_were_seen_before(
    workspace, tiny, tmp_path
):
    workspace.store.update_run(tiny.id, facts=RunFacts(continues="abcd2345"))
    card = (export_run(workspace, tiny.id, tmp_path / "away").path / "README.md").read_text("utf-8")
    assert "looked at before, by the run that this one continues (abcd2345)" in card
    assert "looked at once" not in card


def test_a_network_that_onnx_cannot_represent_is_exported_for_pytorch(
    workspace, tiny, tmp_path, monkeypatch
):
    def unfit(*_):
        raise OnnxUnfit("no such operation")

    monkeypatch.setattr(package.formats, "write_onnx", unfit)
    done = export_run(workspace, tiny.id, tmp_path / "away", ("safetensors", "onnx", "int8"))
    names = {name for name, _ in done.files}
    assert "model.safetensors" in names
    assert not names & {"model.onnx", "model.int8.onnx", "verify.py"}
    assert "ONNX cannot represent this network" in " ".join(done.left_out)


def test_formats_are_named_or_refused():
    assert parse_formats("int8") == ("onnx", "int8")
    assert parse_formats("") == ("safetensors", "onnx")
    with pytest.raises(ConfigError, match="did you mean torchscript"):
        parse_formats("torch-script")
