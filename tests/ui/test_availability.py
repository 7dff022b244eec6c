"""A look at the machine is shared by all, and made anew behind the back of those who wait."""

from threading import Event, Thread

import pytest
from waiting import wait_until

from tl_core.machine import Available
from tl_ui.availability import FRESH_SECONDS, USABLE_SECONDS, Availability


class Machine:
    """Machine of which each look finds less, at a time that tests set."""

    def __init__(self):
        self.looks, self.seconds, self.may_look = 0, 0.0, Event()
        self.may_look.set()
        self.availability = Availability(self.probe, lambda: self.seconds)

    def probe(self):
        self.may_look.wait()
        self.looks += 1
        return Available(1 / self.looks, 2 / self.looks)

    def one(self):
        return self.availability.now().one


@pytest.fixture
def machine():
    machine = Machine()
    yield machine
    machine.may_look.set()


def test_a_fresh_look_is_used_again(machine):
    assert machine.one() == 1
    machine.seconds += FRESH_SECONDS
    assert machine.one() == 1 and machine.looks == 1


def test_an_older_one_is_used_while_a_new_one_is_taken(machine):
    machine.one()
    machine.seconds += FRESH_SECONDS + 1
    machine.may_look.clear()
    assert [machine.one(), machine.one()] == [1, 1]
    machine.may_look.set()
    wait_until(lambda: machine.one() == 1 / 2, "the look in the background")
    assert machine.looks == 2


def test_a_look_of_long_ago_is_not_used(machine):
    machine.one()
    machine.seconds += USABLE_SECONDS + 1
    assert machine.one() == 1 / 2


def test_those_who_come_at_once_share_the_first_look(machine):
    machine.may_look.clear()
    found = []
    threads = [Thread(target=lambda: found.append(machine.one())) for _ in range(5)]
    for thread in threads:
        thread.start()
    machine.may_look.set()
    for thread in threads:
        thread.join()
    assert found == [1] * 5 and machine.looks == 1


def test_a_look_that_fails_in_the_background_is_tried_again(machine, monkeypatch):
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    machine.one()
    machine.seconds += FRESH_SECONDS + 1
    good, machine.availability._probe = machine.availability._probe, lambda: 1 / 0
    machine.one()
    wait_until(lambda: not machine.availability._looking.locked(), "the end of the look")
    machine.availability._probe = good
    machine.one()
    wait_until(lambda: machine.one() == 1 / 2, "another look")
