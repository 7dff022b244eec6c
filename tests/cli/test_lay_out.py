"""Hidden command `lay-out`: embedding maps as JSON for the app."""

import json

import pytest

from tl_core.cli.lay_out import lay_out
from tl_core.records import Run
from tl_core.workspace import Workspace


def test_maps_are_told_as_json(at_home: tuple[Workspace, Run], capsys: pytest.CaptureFixture):
    _, run = at_home
    lay_out(run.config.data.dataset_id)
    before = json.loads(capsys.readouterr().out)
    lay_out(run.id, split="test")
    after = json.loads(capsys.readouterr().out)
    splits = run.facts.splits
    assert (
        len(before["positions"])
        == len(before["points"])
        == before["n_of"]
        == splits.train + splits.val
    )
    assert len(after["points"]) == splits.test
    assert not set(before["positions"]) & set(after["positions"])
