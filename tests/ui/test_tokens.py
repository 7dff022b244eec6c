import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from tl_ui import tokens as module
from tl_ui.tokens import DAY, HOUR, TokenRefused, Tokens


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1_700_000_000.0

    monkeypatch.setattr(module.time, "time", lambda: Clock.now)
    return Clock


def test_a_token_gives_its_subject_back(tmp_path):
    tokens = Tokens(tmp_path)
    assert tokens.check("run", tokens.sign("run", "ab12"), DAY) == "ab12"


def test_a_restart_keeps_open_pages_working(tmp_path):
    token = Tokens(tmp_path).sign("run", "ab12")
    assert Tokens(tmp_path).check("run", token) == "ab12"


def test_a_token_is_for_one_purpose(tmp_path):
    tokens = Tokens(tmp_path)
    with pytest.raises(TokenRefused):
        tokens.check("dataset", tokens.sign("run", "ab12"))


def test_a_token_expires(tmp_path, clock):
    tokens = Tokens(tmp_path)
    token = tokens.sign("run", "ab12")
    clock.now += 3 * HOUR
    assert tokens.check("run", token, 4 * HOUR) == "ab12"
    with pytest.raises(TokenRefused, match="open too long"):
        tokens.check("run", token, HOUR)


def test_a_clock_set_back_leaves_open_pages_valid(tmp_path, clock):
    tokens = Tokens(tmp_path)
    token = tokens.sign("run", "ab12")
    clock.now -= 2 * HOUR
    assert tokens.check("run", token, HOUR) == "ab12"
    # A date that was wrong by far must not make tokens that last for years.
    clock.now -= 365 * DAY
    with pytest.raises(TokenRefused, match="open too long"):
        tokens.check("run", token)


def test_a_token_stays_the_same_for_an_hour_so_that_pictures_stay_cached(tmp_path, clock):
    clock.now = 1_700_000_000 // HOUR * HOUR
    tokens = Tokens(tmp_path)
    token = tokens.sign("run", "ab12")
    clock.now += HOUR - 1
    assert tokens.sign("run", "ab12") == token
    clock.now += 1
    assert tokens.sign("run", "ab12") != token


@pytest.mark.parametrize(
    "change",
    [lambda t: t[:-1], lambda t: "x" + t, lambda t: t.split(".")[0], lambda t: "", str.upper],
)
def test_a_changed_token_is_refused(tmp_path, change):
    tokens = Tokens(tmp_path)
    with pytest.raises(TokenRefused):
        tokens.check("run", change(tokens.sign("run", "ab12")))


def test_other_homes_have_other_secrets(tmp_path):
    token = Tokens(tmp_path / "a").sign("run", "ab12")
    with pytest.raises(TokenRefused):
        Tokens(tmp_path / "b").check("run", token)


def test_the_secret_is_for_the_owner_alone_and_made_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Tokens(tmp_path).sign("run", "ab12"), range(32)))
    assert len(set(made)) == 1
    (secret,) = tmp_path.glob("*secret*")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_secret_that_protects_nothing_is_made_anew(tmp_path, content):
    path = tmp_path / "token.secret"
    path.write_bytes(content)
    path.chmod(0o644)
    token = Tokens(tmp_path).sign("run", "ab12")
    assert len(path.read_bytes()) == 32 and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Tokens(tmp_path).check("run", token) == "ab12"
