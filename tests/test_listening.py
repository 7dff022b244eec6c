"""An open app listens for this machine alone, unless someone insists."""

from ipaddress import ip_network

import pytest

from tl_core.errors import ConfigError
from tl_core.listening import check_listening
from tl_core.network import host_names
from tl_core.settings import Settings

PROXY = (ip_network("127.0.0.1"),)
LOCAL = ["localhost", "127.0.0.1", "::1"]
WAYS = ("--classroom", "TRANSFERLAB_ACCESS", "TRANSFERLAB_ALLOW_OPEN=1")
ELSEWHERE = [None, "", "0.0.0.0", "::", "192.168.1.5", "lab.local"]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_others_are_kept_out_of_an_open_app_with_a_sentence_that_says_how_to_share_it(address):
    with pytest.raises(ConfigError) as refusal:
        check_listening(Settings(), address)
    for way in WAYS:
        assert way in str(refusal.value)


@pytest.mark.parametrize("address", LOCAL)
def test_this_machine_is_always_let_in(address):
    check_listening(Settings(), address)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(allow_open=True),
        Settings(allow_open=True, hosts=("lab.example.org",), proxies=PROXY),
        Settings(access="classroom"),
        Settings(access="organisation"),
    ],
)
def test_whoever_asks_people_who_they_are_may_listen_everywhere(settings):
    for address in [*LOCAL, *ELSEWHERE]:
        check_listening(settings, address)


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"hosts": ("lab.example.org",)}, "TRANSFERLAB_HOSTS"),
        ({"hosts": ("localhost", "*.example.org")}, "TRANSFERLAB_HOSTS"),
        ({"proxies": PROXY}, "TRANSFERLAB_PROXIES"),
    ],
)
def test_an_open_app_does_not_start_behind_a_proxy(given, variable):
    for address in LOCAL:
        with pytest.raises(ConfigError) as refusal:
            check_listening(Settings(**given), address)
        assert str(refusal.value).startswith(variable)
        for way in WAYS:
            assert way in str(refusal.value)


def test_this_machines_own_names_lead_nobody_in():
    check_listening(Settings(hosts=("localhost", *host_names())), "localhost")
