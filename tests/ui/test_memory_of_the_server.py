"""The web server returns what it has freed, although it keeps it while it works."""

import subprocess
import sys

import pytest

from tl_core.memory import keep_freed_memory

MEASURE = """
import resource
import torch
from tl_core.memory import keep_freed_memory
keep_freed_memory()
from tl_ui.resources import look_after_house

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

look_after_house()
torch.ones(25_000_000)
held = resident()
look_after_house()
print(held - resident())
"""


def test_what_was_freed_is_returned_when_the_house_is_looked_after(tmp_path, monkeypatch):
    if not keep_freed_memory():
        pytest.skip("this system's C library is not glibc")
    monkeypatch.setenv("TRANSFERLAB_HOME", str(tmp_path))
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) > 90_000_000
