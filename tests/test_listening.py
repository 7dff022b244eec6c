"""An open app listens for this machine alone, unless someone insists."""

import pytest

from tl_core.errors import ConfigError
from tl_core.listening import check_listening
from tl_core.settings import Settings

LOCAL = ["localhost", "127.0.0.1", "::1"]
ELSEWHERE = [None, "", "0.0.0.0", "::", "192.168.1.5", "lab.local"]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_others_are_kept_out_of_an_open_app_with_a_sentence_that_says_how_to_share_it(address):
    with pytest.raises(ConfigError) as refusal:
        check_listening(Settings(), address)
    for way in ("--classroom", "TRANSFERLAB_ACCESS", "TRANSFERLAB_ALLOW_OPEN=1"):
        assert way in str(refusal.value)


@pytest.mark.parametrize("address", LOCAL)
def test_this_machine_is_always_let_in(address):
    check_listening(Settings(), address)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(allow_open=True),
        Settings(access="classroom"),
        Settings(access="organisation"),
    ],
)
def test_whoever_asks_people_who_they_are_may_listen_everywhere(settings):
    for address in [*LOCAL, *ELSEWHERE]:
        check_listening(settings, address)
