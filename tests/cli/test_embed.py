"""Command `embed`."""

import json
from pathlib import Path

import numpy as np
import pytest

from tl_core.cli.embed import embed
from tl_core.errors import ConfigError
from tl_core.records import Run
from tl_core.workspace import Workspace


def test_features_are_written_for_numpy(
    at_home: tuple[Workspace, Run], tmp_path: Path, capsys: pytest.CaptureFixture
):
    dataset = at_home[1].config.data.dataset_id
    embed(dataset, to=tmp_path / "features.npz", as_json=True)
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
        embed("anything", to=tmp_path / place)
