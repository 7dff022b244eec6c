"""The command line as scripts and people meet it: in a process of its own, by what it prints and how it exits."""

import csv
import io
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from making_runs import environment, make_colours, open_home
from typer.main import get_command

from tl_core.backbones import list_backbones
from tl_core.cli import main
from tl_core.cli.actions import exporting
from tl_core.cli.main import app
from tl_core.config import KNOBS, make_run_config
from tl_core.export import Exported, Figures
from tl_core.presets import PRESETS
from tl_core.records import RunState
from tl_core.runs.execute import settle
from tl_core.training import load_checkpoint

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tl_core"]
QUICK = ("--set", "image_size=64", "--batch-size", "8", "--no-augment")


Done = subprocess.CompletedProcess


def run(home: Path, *arguments: str | Path, **more: str) -> Done:
    """The command in this process, which has torch loaded: what it prints and how it would exit."""
    out, err = io.StringIO(), io.StringIO()
    terminate = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(os, "environ", environment(home, **more))
        patch.setattr(sys, "argv", ["transferlab", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
    signal.signal(signal.SIGTERM, terminate)
    return Done(arguments, end.value.code, out.getvalue(), err.getvalue())


def spawn(home: Path, *arguments: str | Path, **more: str) -> Done:
    """The command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env=environment(home, **more),
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=120,
        check=False,
    )


def answer(done: Done):
    """The one JSON value on stdout."""
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1 and done.stdout.endswith("\n")
    assert done.stderr == ""
    return json.loads(done.stdout)


def complaint(done: Done) -> str:
    """The one line on stderr of a command that was refused."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == "" and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def home(finished) -> Path:
    """Of a workspace with a dataset and a completed run."""
    return finished[0].settings.home


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, colours_folder: Path) -> tuple[Path, dict]:
    """A home of its own, and what one training run there printed."""
    own = tmp_path_factory.mktemp("cli") / "home"
    return own, answer(spawn(own, "train", colours_folder, *QUICK, "--epochs", "2", "--json"))


# Train


def test_train_prints_what_scripts_rely_on(trained: tuple[Path, dict]):
    said = trained[1]
    assert {"run_id", "state", "dataset", "splits", "device", "test", "seconds"} <= set(said)
    assert said["state"] == "completed"
    assert {"id", "n", "classes", "skipped"} <= set(said["dataset"])
    assert said["dataset"]["n"] == 30 and said["dataset"]["classes"] == ["blue", "green", "red"]
    assert said["dataset"]["skipped"] == 0
    assert set(said["splits"]) == {"train", "val", "test"} and sum(said["splits"].values()) == 30
    assert {
        "n", "loss", "accuracy", "precision_macro", "recall_macro", "f1_macro", "baseline_accuracy"
    } <= set(said["test"])  # fmt: skip
    assert said["test"]["n"] == said["splits"]["test"] and all(
        v >= 0 for v in said["test"].values()
    )
    seconds = dict(said["seconds"])
    assert (
        set(seconds) == {"ingest", "prepare", "train", "evaluate", "total"}
        and min(seconds.values()) > 0
    )
    assert sum(seconds.values()) - seconds["total"] <= seconds["total"]
    assert isinstance(said["device"], str) and said["device"]


def test_the_same_command_gives_the_same_figures(
    trained: tuple[Path, dict], tmp_path: Path, colours_folder: Path
):
    again = answer(
        run(tmp_path / "other home", "train", colours_folder, *QUICK, "--epochs", "2", "--json")
    )
    assert again["test"] == trained[1]["test"] and again["dataset"] == trained[1]["dataset"]


def test_a_known_dataset_is_trained_on_by_id_and_by_name(trained: tuple[Path, dict]):
    home, said = trained
    for dataset in (said["dataset"]["id"], "colours"):
        again = answer(run(home, "train", dataset, *QUICK, "--epochs", "1", "--json"))
        assert again["dataset"]["id"] == said["dataset"]["id"]


def test_a_run_is_evaluated_from_what_it_left(trained: tuple[Path, dict]):
    home, said = trained
    found = answer(run(home, "evaluate", said["run_id"], "--json"))
    assert found["test"]["accuracy"]["value"] == pytest.approx(said["test"]["accuracy"])
    assert found["test"]["n"] == said["splits"]["test"] == sum(row["n"] for row in found["classes"])
    assert found["val"]["n"] == said["splits"]["val"]
    assert [row["class"] for row in found["classes"]] == said["dataset"]["classes"]
    told = run(home, "evaluate", said["run_id"]).stdout
    assert (
        f"test, n = {said['splits']['test']}" in told
        and "always answering the biggest class" in told
    )
    assert found["fit"]["sentence"] in told
    tables = [line for line in told.splitlines() if line.startswith(" ")]
    assert all(len(line) <= 80 for line in tables) and all(
        "to" in line for line in tables if " 0." in line
    )
    for row in found["classes"]:  # each with its recall, from where to where, and n
        (line,) = (line for line in tables if line.split()[:1] == [row["class"]])
        low, high = row["recall_interval"]
        assert f"{100 * row['recall']:.1f} ({100 * low:.0f} to {100 * high:.0f})" in line
        assert line.split()[-1] == str(row["n"])


def test_two_runs_are_compared_on_the_same_images(trained: tuple[Path, dict]):
    home, said = trained
    other = answer(run(home, "train", "colours", *QUICK, "--epochs", "1", "--seed", "3", "--json"))[
        "run_id"
    ]
    (group,) = answer(run(home, "compare", said["run_id"], other, "--json"))
    assert {row["run_id"] for row in group["runs"]} == {said["run_id"], other}
    assert group["comparisons"][0]["n"] == said["splits"]["test"] and "seed" in group["differ"]
    assert (
        other in (told := run(home, "compare", said["run_id"], other).stdout)
        and said["run_id"] in told
    )
    for row in group["runs"]:
        accuracy, (low, high) = row["accuracy"], row["interval"]
        assert (
            low <= accuracy <= high
            and f"{100 * accuracy:.1f} ({100 * low:.0f} to {100 * high:.0f})" in told
        )
    assert all(len(line) <= 80 for line in told.splitlines())
    assert "name from 2 to 20" in complaint(run(home, "compare", other))


def test_a_report_says_where_it_is(home: Path, finished, tmp_path: Path):
    said = answer(run(home, "report", finished[1].id, "--to", tmp_path / "r.html", "--json"))
    assert said == {
        "run_id": finished[1].id,
        "file": f"{tmp_path}/r.html",
        "bytes": (tmp_path / "r.html").stat().st_size,
    }


def test_every_command_can_answer_in_json_but_the_one_that_serves():
    commands = {
        name: command for name, command in get_command(app).commands.items() if not command.hidden
    }
    without = [
        name
        for name, command in commands.items()
        if "as_json" not in {each.name for each in command.params}
    ]
    assert without == ["serve"]


def config_of(home: Path, *options: str) -> dict:
    """What a run is trained with that `train` was given these options for."""
    said = answer(run(home, "train", "colours", "--json", *options))
    return answer(run(home, "show", said["run_id"], "--json"))["config"]


def as_config(home: Path, **settings: object) -> dict:
    """The same by the names of the settings, as JSON, with what this machine chooses."""
    dataset = open_home(home).store.get_dataset("colours")
    return settle(make_run_config(dataset.id, settings), dataset).model_dump(mode="json")


def test_every_option_reaches_the_run(home: Path):
    given = {
        "--backbone": "resnet18", "--hidden-units": "5,4", "--dropout": "0.25", "--epochs": "1", "--batch-size": "30",
        "--optimizer": "sgd", "--lr": "0.01", "--backbone-lr": "0.002", "--weight-decay": "0.003", "--seed": "7",
        "--set": "image_size=64",
    }  # fmt: skip
    options = [text for option in given.items() for text in option]
    assert config_of(home, "--from-scratch", "--no-augment", *options) == as_config(
        home, backbone="resnet18", pretrained=False, hidden_units=(5, 4), dropout=0.25, epochs=1, batch_size=30,
        optimizer="sgd", learning_rate=0.01, backbone_learning_rate=0.002, weight_decay=0.003, seed=7, image_size=64,
        augment="none",
    )  # fmt: skip


def test_a_preset_is_changed_by_options_and_those_by_set(home: Path):
    options = (
        "--preset",
        "fine-tune-top",
        "--frozen-stages",
        "-1",
        "--epochs",
        "1",
        "--dropout",
        "0.5",
    )
    sets = (
        "--set",
        "dropout=0.2",
        "--set",
        "augment=documents",
        "--set",
        "blur=0",
        "--set",
        " image_size = 64 ",
    )
    assert config_of(home, *options, *sets) == as_config(
        home, frozen_stages=-1, epochs=1, dropout=0.2, augment="documents", blur=0, image_size=64
    )


def test_a_preset_that_is_not_changed_stands(home: Path):
    small = ("--set", "image_size=64", "--set", "epochs=2", "--set", "head_epochs=1")
    two_phase = PRESETS["two-phase"].changes | {"image_size": 64, "epochs": 2, "head_epochs": 1}
    assert config_of(home, "--preset", "two-phase", *small) == as_config(home, **two_phase)


def test_a_saved_preset_is_as_good_as_a_built_in_one(trained: tuple[Path, dict]):
    home, said = trained
    store = open_home(home).store
    store.save_preset("Müller's recipe", "For small images.", store.get_run(said["run_id"]).config)
    config = config_of(home, "--preset", "Müller's recipe", "--epochs", "1")
    assert config["train"]["batch_size"] == 8 and config["model"]["image_size"] == 64
    listed = {row["name"]: row for row in answer(run(home, "presets", "--json"))}
    assert list(listed) == [*PRESETS, "Müller's recipe"]
    assert [row["saved"] for row in listed.values()] == [False] * len(PRESETS) + [True]
    assert listed["two-phase"]["settings"] == PRESETS["two-phase"].changes
    assert listed["Müller's recipe"]["settings"]["image_size"] == 64
    told = run(home, "presets").stdout
    assert "Müller's recipe (saved): For small images." in told and "unfreeze=two-phase" in told


def test_people_read_sentences(home: Path):
    done = run(home, "train", "colours", *QUICK, "--epochs", "1", "--frozen-stages", "all")
    assert done.returncode == 0 and "Traceback" not in done.stderr
    figure = r"Right on \d+ of 6 test images, [\d.]+% \(95 % interval [\d.]+% to [\d.]+%\); "
    assert re.search(figure + "always guessing the biggest class would be", done.stdout)


# Pause and resume


def test_a_completed_run_is_continued_and_printed_as_train_prints(trained: tuple[Path, dict]):
    home, said = trained
    more = answer(run(home, "resume", said["run_id"], "--epochs", "3", "--json"))
    assert (
        set(more) == set(said) and more["run_id"] != said["run_id"] and more["state"] == "completed"
    )
    assert more["splits"] == said["splits"] and more["dataset"] == said["dataset"]
    assert f"carries on from run {said['run_id']}" in run(home, "show", more["run_id"]).stdout
    assert "give more epochs in all than the 2" in complaint(run(home, "resume", said["run_id"]))


def test_a_run_is_paused_from_another_process_and_resumed(trained: tuple[Path, dict]):
    home, _ = trained
    store = open_home(home).store
    before = {one.id for one in store.list_runs()}
    command = [*COMMAND, "train", "colours", *QUICK, "--epochs", "1000"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(home), stderr=subprocess.PIPE, text=True
    ) as process:
        one = wait_for_an_epoch(store, before, process)
        paused = answer(run(home, "pause", one, "--json"))
        assert (paused["run_id"], paused["state"]) == (one, "paused") and paused["epochs_done"] >= 1
        assert (
            "it can be resumed." in process.communicate(timeout=20)[1] and process.returncode == 2
        )
    assert "paused" in run(home, "pause", one).stdout  # again changes nothing
    resumed = answer(run(home, "resume", one, "--epochs", str(paused["epochs_done"] + 1), "--json"))
    assert (resumed["run_id"], resumed["state"]) == (one, "completed")
    assert "is completed, and there is nothing to pause" in complaint(run(home, "pause", one))


def wait_for_an_epoch(store, before: set[str], process: subprocess.Popen) -> str:
    """The id of the run that was not there before, once it has done an epoch."""
    give_up = time.monotonic() + 120
    while not (
        found := [one.id for one in store.list_runs() if one.id not in before and one.epochs_done]
    ):
        assert time.monotonic() < give_up and process.poll() is None
        time.sleep(0.05)
    return found[0]


# Learning rates


def test_a_learning_rate_is_suggested_and_no_run_added(trained: tuple[Path, dict], tmp_path: Path):
    home, _ = trained
    before = open_home(home).store.list_runs()
    options = ("--set", "image_size=64", "--set", "hidden_units=8", "--steps", "20")
    progress = tmp_path / "progress.json"
    found = answer(run(home, "lr-find", "colours", *options, "--progress-file", progress, "--json"))
    assert {"rates", "losses", "suggestion", "reason", "n"} <= set(found) and found["n"] > 0
    assert len(found["rates"]) == len(found["losses"]) and found["rates"] == sorted(found["rates"])
    assert found["reason"].endswith(".")
    said = json.loads(progress.read_text())
    assert 0 < said["fraction"] <= 1
    assert found["reason"] in run(home, "lr-find", "colours", *options).stdout
    assert open_home(home).store.list_runs() == before
    assert not list(tmp_path.glob("*.unfinished"))


# Everything else


def test_ingest_tells_what_came_in_and_what_did_not(tmp_path: Path):
    folder = make_colours(tmp_path / "my.photos.2024", per_class=3)
    (folder / "red" / "broken.png").write_bytes(b"not a picture")
    first = answer(run(tmp_path / "home", "ingest", folder, "--json"))
    assert first["name"] == "my.photos.2024" and first["n"] == 9
    assert first["counts"] == {"blue": 3, "green": 3, "red": 3}
    assert [file["name"] for file in first["skipped"]] == ["red/broken.png"] and first["skipped"][
        0
    ]["reason"]
    again = answer(run(tmp_path / "home", "ingest", folder, "--name", "again", "--json"))
    assert (again["id"], again["already_known"], first["already_known"]) == (
        first["id"],
        True,
        False,
    )
    told = run(tmp_path / "home", "ingest", folder)
    assert (
        told.returncode == 0
        and "left out red/broken.png: " in told.stdout
        and "known already" in told.stdout
    )


def test_a_sample_is_ingested_by_name(tmp_path: Path):
    said = answer(run(tmp_path, "ingest", "sample:shapes", "--json"))
    assert (
        said["name"] == "shapes"
        and said["n"] == sum(said["counts"].values())
        and len(said["classes"]) == 4
    )


def test_runs_and_show_agree_with_train(trained: tuple[Path, dict]):
    home, said = trained
    listed = {one["run_id"]: one for one in answer(run(home, "runs", "--json"))}
    shown = answer(run(home, "show", said["run_id"][:4], "--json"))
    assert shown["result"] == listed[said["run_id"]]["result"] == said["test"]
    assert shown["facts"]["splits"] == said["splits"]
    assert [p["seq"] for p in shown["metrics"]] == list(range(len(shown["metrics"]))) and shown[
        "metrics"
    ]
    assert said["run_id"] in run(home, "runs").stdout
    told = run(home, "show", said["run_id"]).stdout
    assert f"run {said['run_id']}: completed, colours" in told and "(95 % interval " in told


def test_predict_answers_for_each_image_in_order(
    trained: tuple[Path, dict], colours_folder: Path, tmp_path: Path
):
    home, said = trained
    images = [colours_folder / label / "0.png" for label in ("red", "blue")]
    answers = answer(run(home, "predict", said["run_id"], *images, "--top", "2", "--json"))
    assert [a["image"] for a in answers] == list(map(str, images)) and [
        a["error"] for a in answers
    ] == [None, None]
    assert all(
        len(a["top"]) == 2 and a["top"][0]["confidence"] >= a["top"][1]["confidence"]
        for a in answers
    )
    told = run(home, "predict", said["run_id"], images[0]).stdout
    assert re.fullmatch(r"\S+: (\w+ (< |> )?\d+\.\d %(, |\n)){3}", told)
    [whole] = answer(run(home, "predict", said["run_id"], images[0], "--json"))
    assert math.isclose(sum(top["confidence"] for top in whole["top"]), 1, abs_tol=1e-6)
    (tmp_path / "bad.png").write_text("no")
    mixed = run(home, "predict", said["run_id"], tmp_path / "bad.png", images[1], "--json")
    assert mixed.returncode == 2 and mixed.stderr.count("\n") == 1 and "bad.png" in mixed.stderr
    assert [bool(a["error"]) for a in json.loads(mixed.stdout)] == [True, False]


def test_a_folder_is_answered_as_a_table(
    trained: tuple[Path, dict], colours_folder: Path, tmp_path: Path
):
    home, said = trained
    (tmp_path / "in" / "deep").mkdir(parents=True)
    shutil.copy(colours_folder / "red" / "0.png", tmp_path / "in" / "deep" / "=1+1.PNG")
    (tmp_path / "in" / "text.jpg").write_text("no")
    (tmp_path / "in" / "notes.txt").write_text("no")
    done = run(
        home, "predict", said["run_id"], tmp_path / "in", "--to", tmp_path / "out.csv", "--top", "2"
    )
    assert (done.returncode, done.stderr) == (0, "") and "1 of 2 images" in done.stdout
    rows = list(csv.DictReader((tmp_path / "out.csv").open(encoding="utf-8-sig")))
    assert [Path(row["image"]).name for row in rows] == ["=1+1.PNG", "text.jpg"]
    assert list(rows[0]) == ["image", "error", "class 1", "confidence 1", "class 2", "confidence 2"]
    [first] = answer(run(home, "predict", said["run_id"], tmp_path / "in" / "deep", "--json"))
    assert rows[0]["class 1"] == first["top"][0]["class"]
    assert float(rows[0]["confidence 1"]) == first["top"][0]["confidence"]
    assert rows[1]["error"] and not rows[1]["class 1"]
    (tmp_path / "empty").mkdir()
    assert "no file named as an image" in complaint(
        run(home, "predict", said["run_id"], tmp_path / "empty")
    )
    assert "cannot be written" in complaint(
        run(home, "predict", said["run_id"], tmp_path / "in", "--to", tmp_path)
    )


def test_serve_wants_a_key_where_others_can_reach_it(home: Path):
    assert "set TRANSFERLAB_API_KEY" in complaint(run(home, "serve", "--host", "0.0.0.0"))
    assert "at least 16" in complaint(run(home, "serve", TRANSFERLAB_API_KEY="short"))
    assert "no server" in complaint(
        run(home, "serve", "--host", "::ffff:1.2.3.4.5", TRANSFERLAB_API_KEY="x" * 16)
    )


def test_backbones_are_the_catalogue(home: Path):
    rows = answer(run(home, "backbones", "--json"))
    catalogue = list_backbones()
    assert [row["name"] for row in rows] == [row.name for row in catalogue]
    first = rows[0]
    assert first["name"] == "tf_efficientnet_lite0" and first["weights_here"] is True
    assert (
        first["n_stages"] == len(first["stages"])
        and first["image_size"] == 224
        and first["licence"]
    )
    assert rows[-1]["stages"] is None and rows[-1]["images_per_second"] is None
    text = run(home, "backbones").stdout
    assert all(row.name in text for row in catalogue)


def test_backbones_are_searched_in_timm_as_well(home: Path):
    rows = answer(run(home, "backbones", "--search", "MobileNetV4_conv_small", "--json"))
    assert rows and all(
        "mobilenetv4_conv_small" in row["name"] and row["library"] == "timm" for row in rows
    )
    assert all(row["n_stages"] > 1 for row in rows)
    assert answer(run(home, "backbones", "--search", "no such thing", "--json")) == []
    assert (
        "No backbone has 'no such thing' in its name"
        in run(home, "backbones", "--search", "no such thing").stdout
    )


def test_settings_are_all_there_is_to_set(home: Path):
    rows = {row["name"]: row for row in answer(run(home, "settings", "--json"))}
    assert set(rows) == {*KNOBS, "augment"}
    assert all(row["help"] and row["values"] for row in rows.values())
    assert (
        rows["crop"]["default"] == 0.5 and rows["augment"]["default"] == "photos"
    )  # as a run has them
    text = run(home, "settings").stdout
    assert "optimizer=adamw\n" in text and "label_smoothing=0.0\n" in text
    assert all(row["help"] in text for row in rows.values())


def test_help_is_there_at_once_for_every_command(home: Path):
    started = time.monotonic()
    top = spawn(home, "--help")
    assert time.monotonic() - started < 3 and top.returncode == 0 and top.stderr == ""
    commands = (
        "ingest train pause resume runs show predict backbones presets settings lr-find embed probe"
    )
    for command in commands.split():
        assert f"\n  {command} " in top.stdout
        told = run(home, command, "--help")
        assert told.returncode == 0 and "--json" in told.stdout
    assert "the command settings lists them all" in " ".join(
        run(home, "train", "--help").stdout.split()
    )


# Refusals


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--epochs 0", "Epochs: 0 is not possible; give a whole number from 1 to 1000."),
        ("--epochs 1.5", "--epochs"),
        ("--lr nan", "Learning rate: nan is not possible"),
        ("--lr -1", "Learning rate: -1.0 is not possible"),
        ("--lr inf", "Learning rate: inf is not possible"),
        ("--backbone-lr 0", "Backbone learning rate: 0.0 is not possible"),
        ("--weight-decay 2", "Weight decay: 2.0 is not possible"),
        ("--seed -5", "Seed: -5 is not possible"),
        ("--seed 4294967296", "Seed: 4294967296 is not possible"),
        ("--batch-size 0", "Batch size: 0 is not possible"),
        ("--hidden-units -1", "Hidden units: '-1' is not possible"),
        ("--hidden-units many", "Hidden units: 'many' is not possible"),
        ("--dropout 1", "Dropout: 1.0 is not possible"),
        ("--optimizer foo", "Optimizer: 'foo' is not possible; give 'gd' or 'sgd' or 'momentum'"),
        ("--frozen-stages 99", "99"),
        ("--frozen-stages -99", "-99"),
        ("--frozen-stages ²", "'²' is not possible; give 'all' or a whole number from -100 to 100"),
        ("--from-scratch --frozen-stages 3", "set the frozen stages to 0"),
        ("--backbone nope", "There is no backbone called 'nope'"),
        ("--preset nope", "There is no preset 'nope'; there are feature-extraction, fine-tune-top"),
        (
            "--set epochs",
            "--set 'epochs' has no '=': write a setting and its value, such as --set epochs=10",
        ),
        (
            "--set epoch=3",
            "There is no setting 'epoch'. Did you mean epochs? There are val_fraction",
        ),
        ("--set dataset_id=3", "There is no setting 'dataset_id'"),
        ("--set epochs=0", "Epochs: '0' is not possible; give a whole number from 1 to 1000."),
        ("--set schedule=x", "Schedule: 'x' is not possible; give 'constant' or 'step'"),
        ("--set augment=x", "Augment: 'x' is not possible; give 'none' or 'photos'"),
        ("--set output=sigmoid", "'sigmoid' is for two classes, and colours has 3"),
        ("--set unfreeze=gradual", "what stays frozen at the end"),
        ("--set weights=file:nope", "nope"),
        ("--bogus 1", "No such option"),
        ("--lr", "--lr"),
    ],
)
def test_a_bad_option_is_one_line_with_what_is_legal(
    home: Path, finished, options: str, words: str
):
    before = len(finished[0].store.list_runs())
    assert words in complaint(run(home, "train", "colours", *options.split()))
    assert len(finished[0].store.list_runs()) == before


def refused_paths(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "corrupt.zip").write_bytes(b"PK\x03\x04" + bytes(200))
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    one = make_colours(tmp_path / "one", per_class=3)
    for label in ("blue", "green"):
        for file in (one / label).iterdir():
            file.unlink()
    return {
        name: tmp_path / name for name in ("corrupt.zip", "text.txt", "empty", "one", "not there")
    }


@pytest.mark.parametrize("name", ["corrupt.zip", "text.txt", "empty", "one", "not there"])
@pytest.mark.parametrize("command", ["ingest", "train"])
def test_what_is_no_dataset_is_one_line_and_leaves_nothing(tmp_path: Path, command: str, name: str):
    complaint(run(tmp_path / "home", command, refused_paths(tmp_path)[name], "--json"))
    workspace = open_home(tmp_path / "home")
    assert workspace.store.list_datasets() == [] and workspace.store.list_runs() == []
    assert not list((tmp_path / "home").glob("datasets/*")) and not list(
        (tmp_path / "home").glob("staging/*")
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nope"],
        ["train"],
        ["train", "x" * 5000],
        ["ingest", "y" * 5000],
        ["ingest", "sample:nope"],
        ["show", "nope"],
        ["predict", "nope", "x.png"],
        ["predict", "nope"],
        ["runs", "extra"],
        ["resume", "nope"],
        ["pause", "nope"],
        ["lr-find", "nope"],
        ["lr-find", "colours", "--set", "epochs"],
        ["lr-find", "colours", "--set", "output=sigmoid"],
    ],
    ids=lambda arguments: " ".join(arguments)[:20].encode("ascii", "replace").decode() or "nothing",
)
def test_any_other_nonsense_is_one_line(home: Path, arguments: list[str]):
    complaint(run(home, *arguments))


def test_an_image_that_is_not_there_is_said(trained: tuple[Path, dict], tmp_path: Path):
    done = run(trained[0], "predict", trained[1]["run_id"], tmp_path / "gone.png")
    assert (
        done.returncode == 2
        and "gone.png: It cannot be read" in done.stderr
        and "Traceback" not in done.stderr
    )


def test_a_home_that_cannot_be_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert "set TRANSFERLAB_HOME" in complaint(run(tmp_path / "file", "runs"))
    assert "TRANSFERLAB_MAX_FILES" in complaint(
        run(tmp_path / "home", "runs", TRANSFERLAB_MAX_FILES="many")
    )


def test_weights_that_cannot_be_had_are_one_line(home: Path, tmp_path: Path):
    (tmp_path / "mobilenet_v2.pth").write_bytes(b"\x80\x04rubbish")
    said = complaint(
        run(
            home,
            "train",
            "colours",
            "--backbone",
            "mobilenet_v2",
            TRANSFERLAB_WEIGHTS=str(tmp_path),
        )
    )
    assert "mobilenet_v2.pth cannot be read as plain tensors" in said


# Odd names, odd terminals


@pytest.mark.parametrize(
    "name", ["[bold]x[bold]", "two\nlines", ":smile: 🙂", "[red]", "\x1b[31mred"]
)
def test_names_are_shown_as_they_are_and_never_as_markup(tmp_path: Path, name: str):
    folder = make_colours(tmp_path / "given" / name, per_class=3)
    for command in (("ingest", folder), ("train", folder, *QUICK, "--epochs", "1"), ("runs",)):
        done = run(tmp_path / "home", *command)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        if name.isprintable() and command[0] != "runs":
            assert name in done.stdout


def test_a_terminal_without_the_letters_still_gets_an_answer(tmp_path: Path):
    folder = make_colours(tmp_path / "Äpfel ✓", per_class=3)
    done = spawn(tmp_path / "home", "ingest", folder, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "pfel" in done.stdout and done.stdout.isascii()
    assert r"'\xe4\udcff'" in complaint(
        spawn(tmp_path / "home", "train", "ä\udcff", PYTHONIOENCODING="ascii")
    )


@pytest.mark.parametrize("arguments", [["backbones"], ["backbones", "--json"], ["--help"]])
def test_a_reader_who_has_left_is_no_drama(home: Path, arguments: list[str]):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(home),
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b"" and done.returncode in (0, 1)


# Interruption


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_mid_training_it_says_so_and_keeps_what_is_whole(
    trained: tuple[Path, dict], how: signal.Signals
):
    home, _ = trained
    store = open_home(home).store
    before = {one.id for one in store.list_runs()}
    command = [*COMMAND, "train", "colours", *QUICK, "--epochs", "1000", "--json"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for_an_epoch(store, before, process)
        process.send_signal(how)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "", "Interrupted.\n")
    [run_id] = {one.id for one in store.list_runs()} - before
    record = store.get_run(run_id)
    assert (
        record.state is RunState.INTERRUPTED and record.epochs_done >= 1 and record.result is None
    )
    folder = open_home(home).artifacts.run_folder(run_id)
    assert {path.name for path in folder.iterdir()} == {
        "model.safetensors",
        "training-state.pt",
        "outputs",
    }
    load_checkpoint(folder / "model.safetensors")
    again = answer(run(home, "resume", run_id, "--epochs", str(record.epochs_done), "--json"))
    assert (again["run_id"], again["state"]) == (run_id, "completed")


def test_interrupted_while_images_are_read_nothing_stays(tmp_path: Path):
    process = subprocess.Popen(
        [*COMMAND, "ingest", "sample:mnist5k"],
        cwd=ROOT,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = time.monotonic() + 60
    while not any(tmp_path.glob("staging/*/images/*")):
        assert time.monotonic() < give_up and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130 and stderr.splitlines()[-1] == "Interrupted."
    assert not list(tmp_path.glob("staging/*")) and not list(tmp_path.glob("datasets/*"))
    assert open_home(tmp_path).store.list_datasets() == []


def test_a_run_that_was_killed_is_not_said_to_be_running(home: Path, finished):
    dead = finished[0].store.add_run(finished[1].config, "colours")
    finished[0].store.claim_run(dead.id)
    states = {one["run_id"]: one["state"] for one in answer(run(home, "runs", "--json"))}
    assert states[dead.id] == "interrupted"


# Taking a run away


def test_a_run_is_taken_away(home, finished, tmp_path, monkeypatch):
    _, done = finished
    told = answer(
        run(home, "export", done.id, "--to", tmp_path / "zips", "--format", "zip,onnx", "--json")
    )
    sizes = {each["name"]: each["bytes"] for each in told["files"]}
    assert {"model.onnx", "predict.py", "README.md"} <= sizes.keys() and told["left_out"] == []
    (zipped,) = (tmp_path / "zips").iterdir()
    assert (
        zipped.name == f"transferlab-{done.id}.zip" and zipped.stat().st_size > sizes["model.onnx"]
    )
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
    monkeypatch.setattr(exporting, "export_run", lambda *_, **__: ready)
    printed = run(home, "export", done.id, "--to", tmp_path / "away").stdout
    assert (
        "model.onnx (2.00 MB)" in printed
        and f"4 of {done.result.n}" in printed
        and "Not in it: train.py" in printed
    )
