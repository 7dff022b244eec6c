"""Addresses: which only this machine reaches, and where others find it."""

from ipaddress import ip_address

import pytest

from tl_core.network import as_number, host_names, is_local, lan_addresses


@pytest.mark.parametrize(
    "address", ["localhost", "LOCALHOST.", "127.0.0.1", "127.8.8.8", "::1", "[::1]"]
)
def test_what_only_this_machine_reaches(address):
    assert is_local(address)


@pytest.mark.parametrize(
    "address", [None, "", "0.0.0.0", "::", "192.168.1.5", "lab", "localhost.example.org", "1.1.1.1"]
)
def test_what_others_may_reach(address):
    assert not is_local(address)


def test_addresses_in_brackets_and_of_double_sockets_are_read():
    assert as_number("[::1]") == ip_address("::1")
    assert as_number("::ffff:192.0.2.1") == ip_address("192.0.2.1")
    assert as_number("fe80::1%eth0") == ip_address("fe80::1")
    assert as_number("lab.local") is None


def test_others_are_told_no_address_of_this_machine_alone():
    for address in lan_addresses():
        assert not is_local(address)
    assert all(name == name.lower() and " " not in name for name in host_names())
