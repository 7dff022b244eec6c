"""Settings with which the server would let in everyone or nobody end it with a sentence."""

from ipaddress import ip_network

import pytest

from tl_core.errors import ConfigError
from tl_core.settings import Settings
from tl_ui.gate.start import check_proxies, check_sign_in

PROXY = (ip_network("127.0.0.1"),)


def test_a_header_that_is_believed_of_no_one_is_refused():
    settings = Settings(access="organisation", user_header="x-user")
    with pytest.raises(ConfigError, match="TRANSFERLAB_PROXIES, such as"):
        check_proxies(settings, "")


@pytest.mark.parametrize("believed", [None, "127.0.0.1", "*"])
def test_a_server_that_hides_where_requests_come_from_is_refused(believed):
    with pytest.raises(ConfigError, match="transferlab app"):
        check_proxies(Settings(proxies=PROXY), believed)


def test_proxies_that_the_gate_sees_are_fine():
    check_proxies(Settings(access="organisation", user_header="x-user", proxies=PROXY), "")
    check_proxies(Settings(), None)


def test_an_organisation_without_a_provider_is_told_what_is_missing():
    with pytest.raises(ConfigError, match=r"secrets\.toml, or a proxy's header"):
        check_sign_in(Settings(access="organisation"))
    check_sign_in(Settings(access="organisation", user_header="x-user"))
    check_sign_in(Settings())
