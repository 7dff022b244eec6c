"""Fixture that logs into a text, as a server does to stderr."""

import io
import logging
import sys

import pytest

from tl_core.logs import start_logging


@pytest.fixture
def logged(monkeypatch):
    """Return a function that starts logging and gives the stream it goes to."""
    root = logging.getLogger()
    before = (root.handlers, root.level)

    def start(kind, *more):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        start_logging(kind, *more)
        return stream

    yield start
    root.handlers, level = before
    root.setLevel(level)
