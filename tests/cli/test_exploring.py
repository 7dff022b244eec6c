"""Features, classical models and maps on the command line: files for NumPy, figures, JSON for the app."""

import json
from pathlib import Path

import numpy as np
import pytest

from tl_core.cli.actions import exploring
from tl_core.cli.actions.training import Choices
from tl_core.errors import ConfigError, UnknownDataset
from tl_core.records import Run
from tl_core.workspace import Workspace


@pytest.fixture
def at_home(
    finished: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch
) -> tuple[Workspace, Run]:
    monkeypatch.setattr(exploring, "open_and_tidy", lambda: finished[0])
    return finished


def test_features_are_written_for_numpy(
    at_home: tuple[Workspace, Run], tmp_path: Path, capsys: pytest.CaptureFixture
):
    dataset = at_home[1].config.data.dataset_id
    exploring.embed(dataset, Choices(None, {}), tmp_path / "features.npz", as_json=True)
    said = json.loads(capsys.readouterr().out)
    with np.load(tmp_path / "features.npz", allow_pickle=False) as arrays:
        assert arrays["features"].shape == (said["n"], said["features"]) == (30, 1280)
        assert arrays["classes"][arrays["labels"]].tolist() == [
            name.split("/")[0] for name in arrays["names"]
        ]
        assert set(arrays["sides"]) == {"train", "val", "test"} and len(set(arrays["sha256"])) == 30
    assert [path.name for path in tmp_path.iterdir()] == ["features.npz"]


@pytest.mark.parametrize(
    ("place", "says"), [("x.txt", "ends in .npz"), ("no/x.npz", "there is no folder")], ids=str
)
def test_a_wrong_place_is_a_sentence(
    at_home: tuple[Workspace, Run], tmp_path: Path, place: str, says: str
):
    with pytest.raises(ConfigError, match=says):
        exploring.embed("anything", Choices(None, {}), tmp_path / place, as_json=False)


def test_classical_models_are_told_in_figures_and_words(
    at_home: tuple[Workspace, Run], capsys: pytest.CaptureFixture
):
    dataset = at_home[1].config.data.dataset_id
    exploring.probe(dataset, Choices(None, {}), None, as_json=True)
    said = json.loads(capsys.readouterr().out)
    by_name = {result["name"]: result["accuracy"] for result in said["results"]}
    assert by_name["logistic"] > 0.9 and by_name["majority"] < 0.5 and said["folds"] == 5
    with pytest.raises(UnknownDataset):
        exploring.probe("nothing-like-it", Choices(None, {}), None, as_json=True)


def test_maps_are_told_as_json(at_home: tuple[Workspace, Run], capsys: pytest.CaptureFixture):
    _, run = at_home
    exploring.lay_out_dataset(run.config.data.dataset_id, Choices(None, {}), "pca", None)
    before = json.loads(capsys.readouterr().out)
    exploring.lay_out_run(run.id, "test", "pca", None)
    after = json.loads(capsys.readouterr().out)
    splits = run.facts.splits
    assert (
        len(before["positions"])
        == len(before["points"])
        == before["n_of"]
        == splits.train + splits.val
    )
    assert len(after["points"]) == splits.test and not set(before["positions"]) & set(
        after["positions"]
    )
