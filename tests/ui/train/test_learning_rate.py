"""What the learning-rate finder is asked, and for which settings its finding holds."""

import pytest

from tl_core.config import KNOBS, make_run_config
from tl_core.presets import PRESETS
from tl_ui.train.learning_rate import arguments, place


def test_every_setting_reaches_the_child():
    for preset in PRESETS.values():
        given = arguments(preset.config)
        settings = dict(
            part.removeprefix("--set=").split("=", 1) for part in given if part.startswith("--set=")
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
def test_a_finding_is_kept_for_settings_that_do_not_change_it(
    workspace, monkeypatch, change, is_same
):
    monkeypatch.setattr("tl_ui.train.learning_rate.get_workspace", lambda: workspace)
    assert (place(make_run_config("d1", change)) == place(make_run_config("d1", {}))) is is_same
