"""Command `predict`."""

import csv
import json
import math
import re
import shutil
from pathlib import Path

from cli.commanding import answer, complaint, run


def test_predict_answers_for_each_image_in_order(
    trained: tuple[Path, dict], colours_folder: Path, tmp_path: Path
):
    home, said = trained
    images = [colours_folder / label / "0.png" for label in ("red", "blue")]
    answers = answer(run(home, "predict", said["run_id"], *images, "--top", "2", "--json"))
    assert [a["image"] for a in answers] == list(map(str, images))
    assert [a["error"] for a in answers] == [None, None]
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


def test_predictions_for_a_folder_are_written_as_a_table(
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
    assert (done.returncode, done.stderr) == (0, "") and "1 of 3 files" in done.stdout
    rows = list(csv.DictReader((tmp_path / "out.csv").open(encoding="utf-8-sig")))
    assert [Path(row["image"]).name for row in rows] == ["=1+1.PNG", "notes.txt", "text.jpg"]
    assert list(rows[0]) == ["image", "error", "class 1", "confidence 1", "class 2", "confidence 2"]
    [first] = answer(run(home, "predict", said["run_id"], tmp_path / "in" / "deep", "--json"))
    assert rows[0]["class 1"] == first["top"][0]["class"]
    assert float(rows[0]["confidence 1"]) == first["top"][0]["confidence"]
    assert rows[1]["error"] and not rows[1]["class 1"]
    (tmp_path / "empty").mkdir()
    assert "contains no image files" in complaint(
        run(home, "predict", said["run_id"], tmp_path / "empty")
    )
    assert "cannot be written" in complaint(
        run(home, "predict", said["run_id"], tmp_path / "in", "--to", tmp_path)
    )


def test_a_folder_is_answered_as_an_import_reads_it(
    trained: tuple[Path, dict], colours_folder: Path, tmp_path: Path
):
    home, said = trained
    root = tmp_path / "in"
    red = colours_folder / "red" / "0.png"
    images = ("a.jfif", "b.jpe", "c", "g.jpg.1", "deep/d.PNG", "e.dat")
    left_behind = ("._a.jpg", ".DS_Store", "Thumbs.db", "desktop.ini", ".x/a.png", "__MACOSX/a.png")
    for name in (*images, *left_behind):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(red, root / name)
    (root / "notes.txt").write_text("no image")
    (root / "inside").symlink_to("a.jfif")
    (root / "again").symlink_to("deep")
    (root / "outside.png").symlink_to(red)
    done = run(home, "predict", said["run_id"], root, "--json")
    answers = {a["image"].removeprefix(f"{root}/"): a["error"] for a in json.loads(done.stdout)}
    assert done.returncode == 0
    assert sorted(name for name, error in answers.items() if not error) == sorted(
        [*images, "inside"]
    )
    assert {name for name, error in answers.items() if error} == {
        "notes.txt",
        "again",
        "outside.png",
    }
    told = done.stderr.splitlines()
    assert len(told) == 3 and all(line.startswith(f"left out {root}/") for line in told)
    assert "leads out of the folder" in done.stderr
    # A file that is named itself has to be answered.
    failed = run(home, "predict", said["run_id"], root, root / "notes.txt")
    assert failed.returncode == 2 and len(failed.stdout.splitlines()) == 7


def test_a_missing_image_is_reported(trained: tuple[Path, dict], tmp_path: Path):
    done = run(trained[0], "predict", trained[1]["run_id"], tmp_path / "gone.png")
    assert done.returncode == 2
    assert "gone.png: It cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
