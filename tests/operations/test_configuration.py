from hypothesis import given
from hypothesis import strategies as st

from tl_core.operations import explain_settings
from tl_core.settings import Limits, Settings, variable_of

SECRETS = {
    "TRANSFERLAB_DATABASE_URL": "postgresql://user:hunter2hunter2@host/lab",
    "TRANSFERLAB_API_KEY": "hunter2hunter2hunter2",
    "TRANSFERLAB_METRICS_TOKEN": "hunter2",
    "MLFLOW_TRACKING_URI": "https://user:hunter2@host",
}
VARIABLES = [variable_of(field) for field in (*Settings.model_fields, *Limits.model_fields)]


def by_name(environ):
    return {setting.variable: setting for setting in explain_settings(environ)}


def test_each_setting_is_there_with_where_it_comes_from(tmp_path):
    found = by_name({"TRANSFERLAB_HOME": str(tmp_path), "TRANSFERLAB_CACHE_GB": "7"})
    assert set(found) == set(VARIABLES) - {"TRANSFERLAB_LIMITS"}
    assert (found["TRANSFERLAB_CACHE_GB"].value, found["TRANSFERLAB_CACHE_GB"].source) == (
        "7.0",
        "variable",
    )
    assert found["TRANSFERLAB_ACCESS"].source == "default"
    assert found["TRANSFERLAB_DATABASE_URL"].value == f"sqlite:///{tmp_path}/transferlab.db"
    assert not any(setting.problem for setting in found.values())


def test_every_wrong_one_is_named_at_once(tmp_path):
    wrong = {
        "TRANSFERLAB_CACHE_GB": "much",
        "TRANSFERLAB_ACCESS": "everyone",
        "TRANSFERLAB_MAX_FILES": "-1",
        "TRANSFERLAB_WEIGHTS": str(tmp_path / "missing"),
        "TRANSFERLAB_RUNER": "thread",
    }
    found = by_name({"TRANSFERLAB_HOME": str(tmp_path), **wrong})
    assert {name for name, setting in found.items() if setting.problem} == set(wrong)
    assert "'much' is not possible" in found["TRANSFERLAB_CACHE_GB"].problem
    assert "perhaps TRANSFERLAB_RUNNER is meant" in found["TRANSFERLAB_RUNER"].problem


def test_secrets_are_hidden_even_where_they_are_wrong():
    found = explain_settings({**SECRETS, "TRANSFERLAB_API_KEYS": "hunter2"})
    assert "hunter2" not in repr(found)
    assert sum(setting.value == "set (hidden)" for setting in found) == len(SECRETS) + 1


@given(
    st.dictionaries(
        st.sampled_from(VARIABLES), st.text(max_size=20).filter(lambda t: "\0" not in t)
    )
)
def test_whatever_is_set_is_explained(environ):
    assert set(environ) <= set(by_name(environ)) | {"TRANSFERLAB_LIMITS"}
