"""Command `probe`."""

import json

import pytest

from tl_core.cli.probe import probe
from tl_core.errors import UnknownDataset
from tl_core.records import Run
from tl_core.workspace import Workspace


def test_classical_models_are_told_in_figures_and_words(
    at_home: tuple[Workspace, Run], capsys: pytest.CaptureFixture
):
    dataset = at_home[1].config.data.dataset_id
    probe(dataset, as_json=True)
    said = json.loads(capsys.readouterr().out)
    by_name = {result["name"]: result["accuracy"] for result in said["results"]}
    assert by_name["logistic"] > 0.9 and by_name["majority"] < 0.5 and said["folds"] == 5
    with pytest.raises(UnknownDataset):
        probe("nothing-like-it", as_json=True)
