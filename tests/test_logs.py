import json
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logging_here import logged

from tl_core.logs import logged_as

__all__ = ["logged"]

HOSTILE = "\n2026-12-01T00:00:00 error tl_core run=1: forged\r\x1b[31m\u202e\u2028"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(name=st.text(min_size=1) | st.just(HOSTILE))
@pytest.mark.parametrize("kind", ["text", "json"])
def test_no_name_forges_a_line(logged, kind, name):
    stream = logged(kind)
    logging.getLogger("tl_core.test").warning("Dataset %s is odd", name)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    if kind == "json":
        assert json.loads(lines[0])["message"] == f"Dataset {name} is odd"


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_line_names_the_run_and_the_person(logged, kind):
    stream = logged(kind)
    with logged_as(run="r1", person="p1"):
        logging.getLogger("tl_core.test").info("Under way")
    logging.getLogger("tl_core.test").info("Done")
    first, second = stream.getvalue().splitlines()
    assert ("r1" in first and "p1" in first) and "r1" not in second
    if kind == "json":
        assert json.loads(first) | {"run": "r1", "person": "p1"} == json.loads(first)


def test_a_hostile_name_in_an_error_stays_within_its_event(logged):
    stream = logged("text")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("tl_core.test").exception("It failed")
    first, *trace = stream.getvalue().splitlines()
    assert first.endswith("It failed")
    assert trace and all(line.startswith("    ") for line in trace)


def test_libraries_are_heard_only_when_they_warn(logged):
    stream = logged("json")
    logging.getLogger("somebody").info("chatter")
    logging.getLogger("somebody").warning("trouble")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["trouble"]


def test_whoever_is_named_by_the_block_goes_before_whom_the_thread_works_for(logged):
    stream = logged("json", (), lambda: "p2")
    logging.getLogger("tl_core.test").info("Under way")
    with logged_as(person="p1"):
        logging.getLogger("tl_core.test").info("Done")
    people = [json.loads(line)["person"] for line in stream.getvalue().splitlines()]
    assert people == ["p2", "p1"]
