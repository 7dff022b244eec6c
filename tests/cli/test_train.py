"""Commands `train`, `resume` and `pause`: what reaches a run, what is printed, how it stops."""

import re
import signal
import subprocess
from pathlib import Path

import pytest
from cli.commanding import COMMAND, QUICK, ROOT, answer, complaint, config_of, run
from making_runs import environment, open_home
from waiting import PATIENCE, wait_until

from tl_core.config import make_run_config
from tl_core.presets import PRESETS
from tl_core.records import RunState
from tl_core.runs.execute import settle
from tl_core.training import load_checkpoint


def test_train_prints_what_scripts_rely_on(trained: tuple[Path, dict]):
    said = trained[1]
    assert {"run_id", "state", "dataset", "splits", "device", "test", "seconds"} <= set(said)
    assert said["state"] == "completed"
    assert {"id", "n", "classes", "skipped"} <= set(said["dataset"])
    assert said["dataset"]["n"] == 30 and said["dataset"]["classes"] == ["blue", "green", "red"]
    assert said["dataset"]["skipped"] == 0
    assert said["dataset"]["reading"] == "Read as 3 classes, one for each folder."
    assert said["dataset"]["other_readings"] == []
    shown = answer(run(trained[0], "show", said["run_id"], "--json"))
    assert shown["dataset_reading"] == said["dataset"]["reading"]
    assert said["dataset"]["reading"] in run(trained[0], "show", said["run_id"]).stdout
    assert set(said["splits"]) == {"train", "val", "test"} and sum(said["splits"].values()) == 30
    assert {
        "n", "loss", "accuracy", "precision_macro", "recall_macro", "f1_macro", "baseline_accuracy"
    } <= set(said["test"])  # fmt: skip
    assert said["test"]["n"] == said["splits"]["test"]
    assert all(v >= 0 for v in said["test"].values())
    seconds = dict(said["seconds"])
    assert set(seconds) == {"ingest", "prepare", "train", "evaluate", "total"}
    assert min(seconds.values()) > 0
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


def as_config(home: Path, **settings: object) -> dict:
    """Return the settings of a run as JSON, with automatic choices made."""
    dataset = open_home(home).store.get_dataset("colours")
    return settle(make_run_config(dataset.id, settings), dataset).model_dump(mode="json")


def test_every_option_reaches_the_run(home: Path):
    given = {
        "--backbone": "resnet18", "--hidden-units": "5,4", "--dropout": "0.25", "--epochs": "1",
        "--batch-size": "30", "--optimizer": "sgd", "--lr": "0.01", "--backbone-lr": "0.002",
        "--weight-decay": "0.003", "--seed": "7", "--set": "image_size=64",
    }  # fmt: skip
    options = [text for option in given.items() for text in option]
    assert config_of(home, "--from-scratch", "--no-augment", *options) == as_config(
        home, backbone="resnet18", pretrained=False, hidden_units=(5, 4), dropout=0.25, epochs=1,
        batch_size=30, optimizer="sgd", learning_rate=0.01, backbone_learning_rate=0.002,
        weight_decay=0.003, seed=7, image_size=64, augment="none",
    )  # fmt: skip


def test_a_preset_is_changed_by_options_and_those_by_set(home: Path):
    options = ["--preset", "fine-tune-top", "--frozen-stages", "-1"]
    options += ["--epochs", "1", "--dropout", "0.5"]
    settings = ("dropout=0.2", "augment=documents", "blur=0", " image_size = 64 ")
    sets = [text for setting in settings for text in ("--set", setting)]
    assert config_of(home, *options, *sets) == as_config(
        home, frozen_stages=-1, epochs=1, dropout=0.2, augment="documents", blur=0, image_size=64
    )


def test_a_preset_that_is_not_changed_stands(home: Path):
    small = ("--set", "image_size=64", "--set", "epochs=2", "--set", "head_epochs=1")
    two_phase = PRESETS["two-phase"].changes | {"image_size": 64, "epochs": 2, "head_epochs": 1}
    assert config_of(home, "--preset", "two-phase", *small) == as_config(home, **two_phase)


def test_people_read_sentences(home: Path):
    done = run(home, "train", "colours", *QUICK, "--epochs", "1", "--frozen-stages", "all")
    assert done.returncode == 0 and "Traceback" not in done.stderr
    figure = r"Right on \d+ of 6 test images, [\d.]+ % \(95 % interval [\d.]+ % to [\d.]+ %\); "
    assert re.search(figure + "always guessing the most frequent class would reach", done.stdout)


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


def test_unreadable_weights_are_one_line(home: Path, tmp_path: Path):
    (tmp_path / "mobilenet_v2.pth").write_bytes(b"\x80\x04rubbish")
    options = ("--backbone", "mobilenet_v2")
    done = run(home, "train", "colours", *options, TRANSFERLAB_WEIGHTS=str(tmp_path))
    assert "mobilenet_v2.pth cannot be read as plain tensors" in complaint(done)


def test_a_completed_run_is_continued_and_printed_as_train_prints(trained: tuple[Path, dict]):
    home, said = trained
    more = answer(run(home, "resume", said["run_id"], "--epochs", "3", "--json"))
    assert set(more) == set(said)
    assert more["run_id"] != said["run_id"]
    assert more["state"] == "completed"
    assert more["splits"] == said["splits"]
    # Only an import knows how else the folders could be read.
    assert more["dataset"] == {**said["dataset"], "classes_at": None}
    assert f"continues run {said['run_id']}" in run(home, "show", more["run_id"]).stdout
    assert "give more epochs in total than the 2" in complaint(run(home, "resume", said["run_id"]))


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
        assert "it can be resumed." in process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == 2
    # Pausing it again changes nothing.
    assert "paused" in run(home, "pause", one).stdout
    resumed = answer(run(home, "resume", one, "--epochs", str(paused["epochs_done"] + 1), "--json"))
    assert (resumed["run_id"], resumed["state"]) == (one, "completed")
    assert "is completed and cannot be paused" in complaint(run(home, "pause", one))


def wait_for_an_epoch(store, before: set[str], process: subprocess.Popen) -> str:
    """Return the id of a new run, once it has finished an epoch."""

    def find() -> list[str]:
        assert process.poll() is None
        return [one.id for one in store.list_runs() if one.id not in before and one.epochs_done]

    return wait_until(find, "an epoch")[0]


@pytest.mark.parametrize(
    "how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_an_interrupted_training_says_so_and_keeps_whole_files(
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
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout, stderr) == (130, "", "Interrupted.\n")
    [run_id] = {one.id for one in store.list_runs()} - before
    record = store.get_run(run_id)
    assert record.state is RunState.INTERRUPTED
    assert record.epochs_done >= 1
    assert record.result is None
    folder = open_home(home).artifacts.run_folder(run_id)
    # The state of the epoch before, if there was one, is kept until the end.
    left = {path.name for path in folder.iterdir()} - {"training-state.before.pt"}
    assert left == {"model.safetensors", "training-state.pt", "outputs"}
    load_checkpoint(folder / "model.safetensors")
    again = answer(run(home, "resume", run_id, "--epochs", str(record.epochs_done), "--json"))
    assert (again["run_id"], again["state"]) == (run_id, "completed")
