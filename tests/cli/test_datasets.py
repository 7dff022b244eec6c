"""Command `ingest`, and datasets that other commands name."""

import signal
import subprocess
from pathlib import Path

import pytest
from cli.commanding import COMMAND, ROOT, answer, complaint, run
from making_runs import environment, make_colours, open_home
from waiting import PATIENCE, wait_until


def test_ingest_reports_imported_and_skipped_images(tmp_path: Path):
    folder = make_colours(tmp_path / "my.photos.2024", per_class=3)
    (folder / "red" / "broken.png").write_bytes(b"not a picture")
    first = answer(run(tmp_path / "home", "ingest", folder, "--json"))
    assert first["name"] == "my.photos.2024" and first["n"] == 9
    assert first["counts"] == {"blue": 3, "green": 3, "red": 3}
    assert [file["name"] for file in first["skipped"]] == ["red/broken.png"]
    assert first["skipped"][0]["reason"]
    again = answer(run(tmp_path / "home", "ingest", folder, "--name", "again", "--json"))
    assert again["id"] == first["id"]
    assert again["already_known"] and not first["already_known"]
    told = run(tmp_path / "home", "ingest", folder)
    assert told.returncode == 0
    assert "left out red/broken.png: " in told.stdout
    assert "already known" in told.stdout


def test_a_name_with_a_line_break_stays_on_its_line(tmp_path: Path):
    folder = make_colours(tmp_path / "two\nli\tnes", per_class=3)
    told = run(tmp_path / "home", "ingest", folder).stdout
    assert told.startswith("two␊li␉nes: 9 images in 3 classes")


def test_a_sample_is_ingested_by_name(tmp_path: Path):
    said = answer(run(tmp_path, "ingest", "sample:shapes", "--json"))
    assert said["name"] == "shapes"
    assert said["n"] == sum(said["counts"].values())
    assert len(said["classes"]) == 4


def make_groups(root: Path) -> Path:
    """Make folders of colours inside folders that could be classes, too."""
    colours = make_colours(root / "made", per_class=3)
    for group, label in (("warm", "red"), ("cold", "blue"), ("cold", "green")):
        (root / "groups" / group).mkdir(parents=True, exist_ok=True)
        (colours / label).rename(root / "groups" / group / label)
    return root / "groups"


def test_two_plausible_readings_are_said_and_either_can_be_chosen(tmp_path: Path):
    folder = make_groups(tmp_path)
    home = tmp_path / "home"
    told = run(home, "ingest", folder).stdout
    assert "Read as 2 classes, one for each folder." in told
    assert "could also be read as 3 classes (blue, green, red)" in told
    assert "--classes-at 2" in told
    said = answer(run(home, "ingest", folder, "--json"))
    assert (said["classes"], said["classes_at"]) == (["cold", "warm"], "1")
    [other] = said["other_readings"]
    assert other["counts"] == {"blue": 3, "green": 3, "red": 3}
    assert other["examples"]["red"][0].startswith("warm/red/")
    chosen = answer(run(home, "ingest", folder, "--classes-at", other["classes_at"], "--json"))
    assert chosen["classes"] == ["blue", "green", "red"]
    assert chosen["reading"] == 'Read as 3 classes, from the folders inside "cold", "warm".'


@pytest.mark.parametrize("command", ["ingest", "train", "probe", "lr-find"])
def test_a_level_that_is_not_there_is_one_line(tmp_path: Path, command: str):
    folder = make_groups(tmp_path)
    said = complaint(run(tmp_path / "home", command, folder, "--classes-at", "9", "--json"))
    assert '"9"' in said and "1 to 2" in said


def test_a_level_for_a_known_dataset_is_refused(tmp_path: Path):
    answer(run(tmp_path, "ingest", "sample:shapes", "--json"))
    assert "path" in complaint(run(tmp_path, "train", "shapes", "--classes-at", "2", "--json"))


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
def test_an_invalid_dataset_is_one_line_and_leaves_nothing(tmp_path: Path, command: str, name: str):
    complaint(run(tmp_path / "home", command, refused_paths(tmp_path)[name], "--json"))
    workspace = open_home(tmp_path / "home")
    assert workspace.store.list_datasets() == [] and workspace.store.list_runs() == []
    assert not list((tmp_path / "home").glob("datasets/*"))
    assert not list((tmp_path / "home").glob("staging/*"))


def test_interrupted_while_images_are_read_nothing_stays(tmp_path: Path):
    process = subprocess.Popen(
        [*COMMAND, "ingest", "sample:mnist5k"],
        cwd=ROOT,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: any(tmp_path.glob("staging/*/images/*")), "the first image")
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and stderr.splitlines()[-1] == "Interrupted."
    assert not list(tmp_path.glob("staging/*")) and not list(tmp_path.glob("datasets/*"))
    assert open_home(tmp_path).store.list_datasets() == []
