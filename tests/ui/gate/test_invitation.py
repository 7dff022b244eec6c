"""Invitation that the teacher finds in the terminal, and the code to scan."""

from ipaddress import ip_network
from xml.etree import ElementTree

import pytest
import streamlit as st

from tl_core.network import lan_addresses
from tl_ui.gate.invitation import WARNING, invitation, join_addresses, qr_code


@pytest.fixture
def listening(monkeypatch):
    def listen(**options):
        known = {"server.address": "0.0.0.0", "server.port": 8501, "server.sslCertFile": None}
        known |= {f"server.{name}": value for name, value in options.items()}
        monkeypatch.setattr(st, "get_option", known.__getitem__)

    listen()
    return listen


def test_the_teacher_is_told_address_code_and_secret_and_what_browsers_say(house, listening):
    listening(sslCertFile="tls.crt")
    text = invitation(house.settings, house.directory)
    assert house.directory.classroom().code in text
    assert "/teacher?secret=" in text and "https://" in text
    assert WARNING in text
    listening(sslCertFile=None)
    assert "no camera" in invitation(house.settings, house.directory)


def test_addresses_are_those_that_others_reach(house, listening):
    first = join_addresses(house.settings)[0]
    assert first == f"http://{lan_addresses()[0]}:8501/join"
    listening(address="fd00::5")
    assert join_addresses(house.settings) == ["http://[fd00::5]:8501/join"]


def test_the_operators_name_comes_first(make_house, listening):
    house = make_house(hosts=("*.example.org", "lab.example.org"))
    assert join_addresses(house.settings)[0] == "http://lab.example.org:8501/join"
    proxied = make_house(hosts=("lab.example.org",), proxies=(ip_network("127.0.0.1"),))
    assert join_addresses(proxied.settings) == ["https://lab.example.org/join"]


def test_the_code_to_scan_is_a_picture_without_scripts():
    picture = ElementTree.fromstring(qr_code("https://192.168.1.5:8501/join"))
    names = {element.tag.rpartition("}")[2] for element in picture.iter()}
    assert names <= {"svg", "path", "title"}
    assert picture.get("viewBox")
