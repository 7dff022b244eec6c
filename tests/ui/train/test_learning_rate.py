"""Arguments of the learning-rate finder, and the settings that share its result."""

import pytest

from tl_core.config import KNOBS, make_run_config
from tl_core.presets import PRESETS
from tl_ui.train.learning_rate import arguments, place


def test_every_setting_reaches_the_child_process():
    for preset in PRESETS.values():
        settings = dict(
            argument.removeprefix("--set=").split("=", 1)
            for argument in arguments(preset.config)
            if argument.startswith("--set=")
        )
        assert settings.keys() == KNOBS.keys()
        assert make_run_config("any", settings) == preset.config


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        (
            {
                "learning_rate": 0.3,
                "backbone_learning_rate": 0.1,
                "epochs": 7,
                "schedule": "step",
                "warm_up": 0,
            },
            True,
        ),
        ({"optimizer": "sgd"}, False),
        ({"frozen_stages": 3}, False),
        ({"hidden_units": "16"}, False),
        ({"batch_size": 3}, False),
    ],
)
def test_settings_that_do_not_change_the_result_share_it(workspace, monkeypatch, change, is_same):
    monkeypatch.setattr("tl_ui.train.learning_rate.get_workspace", lambda: workspace)
    assert (place(make_run_config("d1", change)) == place(make_run_config("d1", {}))) is is_same
