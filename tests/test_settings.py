"""Settings from environment variables, and the messages about mistakes in them."""

import re
from pathlib import Path

import pytest

from tl_core.errors import ConfigError, TransferLabError
from tl_core.settings import Limits, Settings


def test_everything_has_a_default():
    settings = Settings.from_environment({})
    assert settings.home == Path("~/.transferlab").expanduser().resolve()
    assert settings.database_url == f"sqlite:///{settings.home}/transferlab.db"
    assert (settings.weights_folder, settings.server_folders, settings.limits) == (
        None,
        (),
        Limits(),
    )
    assert (settings.runner, settings.frozen_by) == ("process", "fastest")


def test_the_environment_decides(tmp_path: Path):
    settings = Settings.from_environment(
        {
            "TRANSFERLAB_HOME": f"{tmp_path}/a/../home",
            "TRANSFERLAB_WEIGHTS": "~/weights",
            "TRANSFERLAB_SERVER_FOLDERS": f"{tmp_path}/one::{tmp_path}/two",
            "TRANSFERLAB_MAX_FILES": "7",
            "TRANSFERLAB_RUNNER": "thread",
            "TRANSFERLAB_FROZEN_BY": "pytorch",
        }
    )
    assert settings.home == (tmp_path / "home").resolve()
    assert settings.database_url == f"sqlite:///{settings.home}/transferlab.db"
    assert settings.weights_folder == Path("~/weights").expanduser().resolve()
    assert settings.server_folders == ((tmp_path / "one").resolve(), (tmp_path / "two").resolve())
    assert settings.limits == Limits(max_files=7)
    assert (settings.runner, settings.frozen_by) == ("thread", "pytorch")


def test_a_database_elsewhere_is_taken_as_it_is():
    url = "postgresql://ann:secret@db/lab"
    assert Settings.from_environment({"TRANSFERLAB_DATABASE_URL": url}).database_url == url


def test_an_empty_variable_counts_as_unset():
    names = ["HOME", "DATABASE_URL", "WEIGHTS", "SERVER_FOLDERS", "MAX_BYTES"]
    assert Settings.from_environment(
        {f"TRANSFERLAB_{name}": "" for name in names}
    ) == Settings.from_environment({})


def test_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TRANSFERLAB_HOME", str(tmp_path))
    assert Settings.from_environment().home == tmp_path.resolve()


def test_a_word_that_there_is_not_names_its_variable():
    with pytest.raises(
        ConfigError,
        match=r"^TRANSFERLAB_RUNNER: 'ray' is not possible; give 'process' or 'thread'\.$",
    ):
        Settings.from_environment({"TRANSFERLAB_RUNNER": "ray"})
    with pytest.raises(
        ConfigError,
        match=r"^TRANSFERLAB_FROZEN_BY: 'jax' is not possible; give 'fastest' or 'pytorch'",
    ):
        Settings.from_environment({"TRANSFERLAB_FROZEN_BY": "jax"})


@pytest.mark.parametrize("name", Limits.model_fields)
@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "nan"])
def test_a_limit_that_is_no_number_names_its_variable(name: str, value: str):
    variable = f"TRANSFERLAB_{name.upper()}"
    with pytest.raises(ConfigError) as refusal:
        Settings.from_environment({variable: value})
    sentence = f"{variable}: '{value}' is not possible; give a whole number above 0."
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("variable", ["HOME", "WEIGHTS", "SERVER_FOLDERS"])
def test_a_home_of_nobody_names_its_variable(variable: str):
    with pytest.raises(
        TransferLabError, match=f"^TRANSFERLAB_{variable}: '~nobody-of-that-name/x' is not a folder"
    ):
        Settings.from_environment({f"TRANSFERLAB_{variable}": "~nobody-of-that-name/x"})


def test_the_password_is_not_in_the_printed_settings():
    settings = Settings.from_environment(
        {"TRANSFERLAB_DATABASE_URL": "postgresql://ann:s3cret@db/lab"}
    )
    assert "s3cret" not in f"{settings!r} {settings}"


def test_who_may_reach_the_app_is_read_from_lists():
    settings = Settings.from_environment(
        {
            "TRANSFERLAB_ACCESS": "organisation",
            "TRANSFERLAB_HOSTS": "Lab.Example.org, *.example.net,",
            "TRANSFERLAB_PROXIES": "127.0.0.1, 10.0.0.0/8, fd00::/8",
            "TRANSFERLAB_USER_HEADER": "X-Forwarded-User",
            "TRANSFERLAB_ROLES": "cn=heads;ou=lab=admin, staff = lead",
        }
    )
    assert settings.hosts == ("lab.example.org", "*.example.net")
    assert list(map(str, settings.proxies)) == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]
    assert settings.user_header == "x-forwarded-user"
    assert settings.roles == (("cn=heads;ou=lab", "admin"), ("staff", "lead"))
    assert hash(settings) == hash(settings.model_copy()), "pages are cached by settings"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ACCESS", "public", "give 'open' or 'classroom' or 'organisation'"),
        ("ALLOW_OPEN", "perhaps", "give 1 or 0"),
        ("HOSTS", "https://lab.example.org", "is not the name of a host"),
        ("HOSTS", "lab.example.org:8501", "is not the name of a host"),
        ("PROXIES", "proxy", "give addresses or networks"),
        ("ROLES", "staff=boss", "staff=boss is not possible"),
        ("ROLES", "staff", "give groups and their roles"),
        ("USER_HEADER", "X User:", "is not the name of an HTTP header"),
    ],
)
def test_a_mistake_about_access_names_its_variable(variable: str, value: str, said: str):
    with pytest.raises(ConfigError, match=f"^TRANSFERLAB_{variable}: .*{re.escape(said)}"):
        Settings.from_environment({f"TRANSFERLAB_{variable}": value})
