"""Commands `presets` and `settings`."""

from pathlib import Path

from cli.commanding import answer, config_of, run
from making_runs import open_home

from tl_core.config import KNOBS
from tl_core.presets import PRESETS


def test_a_saved_preset_works_like_a_built_in_one(trained: tuple[Path, dict]):
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


def test_settings_are_all_there_is_to_set(home: Path):
    rows = {row["name"]: row for row in answer(run(home, "settings", "--json"))}
    assert set(rows) == {*KNOBS, "augment"}
    assert all(row["help"] and row["values"] for row in rows.values())
    assert rows["crop"]["default"] == 0.5 and rows["augment"]["default"] == "photos"
    text = run(home, "settings").stdout
    assert "optimizer=adamw\n" in text and "label_smoothing=0.0\n" in text
    assert all(row["help"] in text for row in rows.values())
