import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.config import KNOBS, make_run_config
from tl_core.presets import ANY_DATASET, PRESETS
from tl_ui.setting_labels import CHOICES, LABELS, choices, flat, kind, label, value_words
from tl_ui.train.widgets import GROUPS, IN_SIGHT, USED, as_form, check, mistakes

FORM = as_form(PRESETS["feature-extraction"].config)


def test_every_setting_has_one_place_on_the_page():
    placed = [*IN_SIGHT, *(name for names in GROUPS.values() for name in names)]
    assert sorted(placed) == sorted(KNOBS)


def test_tables_name_only_existing_settings_and_values():
    assert {*LABELS, *USED} <= set(KNOBS)
    assert set(CHOICES) <= {
        value for name in KNOBS if kind(name) == "choice" for value in choices(name)
    }


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_preset_survives_the_form(preset):
    form = as_form(preset.config)
    assert mistakes(form) == {}
    assert make_run_config(ANY_DATASET, form) == preset.config


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "learning_rate": st.none() | st.floats(1e-8, 10),
            "epochs": st.integers(1, 1000),
            "hidden_units": st.lists(st.integers(1, 8192), max_size=4).map(tuple),
            "frozen_stages": st.just("all") | st.integers(-20, 20),
            "seed": st.integers(0, 2**32 - 1),
            "flip": st.booleans(),
        },
    )
)
def test_any_settings_survive_the_form(settings):
    config = make_run_config(ANY_DATASET, settings)
    again = make_run_config(ANY_DATASET, as_form(config))
    for name, value in flat(config).items():
        assert flat(again)[name] == (
            pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
        )


@pytest.mark.parametrize("name", [name for name in KNOBS if kind(name) == "text"])
@given(value=st.text(max_size=8))
def test_an_invalid_value_gets_exactly_one_sentence(name, value):
    sentence = check(name, value)
    if sentence:
        assert sentence.endswith(".")
        assert "\n" not in sentence
    elif name != "frozen_names":
        make_run_config(ANY_DATASET, {name: value})


def test_the_sentence_names_setting_value_and_valid_range():
    assert (
        check("epochs", "0") == "Epochs: '0' is not possible; give a whole number from 1 to 1000."
    )
    assert mistakes({**FORM, "dropout": "x", "seed": "-1"}).keys() == {"dropout", "seed"}


def test_an_empty_field_means_automatic_only_where_that_exists():
    assert check("learning_rate", "") == ""
    assert "is not possible" in check("epochs", "")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("focal_gamma", {"loss": "focal"}),
        ("momentum", {"optimizer": "nesterov"}),
        ("fine_tune_rate", {"unfreeze": "two-phase"}),
        ("unfreeze_every", {"unfreeze": "gradual"}),
        ("step_epochs", {"schedule": "step"}),
        ("min_delta", {"early_stopping": "3"}),
        ("layer_decay", {"frozen_stages": -2}),
    ],
)
def test_a_setting_is_enabled_once_its_condition_holds(name, change):
    is_used, why = USED[name]
    assert why
    assert not is_used(FORM)
    assert is_used({**FORM, **change})


def test_every_value_has_words():
    for preset in PRESETS.values():
        for name, value in flat(preset.config).items():
            assert value_words(name, value)
            assert label(name)
    assert value_words("frozen_stages", -2) == "all but the last 2"
