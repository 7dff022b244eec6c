"""Freed memory: a process keeps it while it works and returns it after a run."""

import gc
import subprocess
import sys

import pytest

from tl_core.memory import give_back_memory, importing, keep_freed_memory

MEASURE = """
import resource, sys
import torch
from tl_core.memory import give_back_memory, keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones(10_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    assert keep_freed_memory()
faults(30)  # the heap settles
again, held = faults(10), resident()
give_back_memory()
print(again, held - resident())
"""


def measure(how: str) -> tuple[int, int]:
    """Return (pages faulted by ten tensors of 40 MB, bytes returned at the end)."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, how], capture_output=True, text=True, check=True
    )
    again, given_back = map(int, done.stdout.split())
    return again, given_back


def test_memory_is_kept_between_steps_and_given_back_at_the_end():
    if not keep_freed_memory():
        pytest.skip("this system's C library is not glibc")
    without, _ = measure("leave")
    with_it, given_back = measure("keep")
    assert with_it < without / 10
    assert given_back > 30_000_000


def test_asking_twice_is_as_good_as_once():
    assert keep_freed_memory() is keep_freed_memory()
    give_back_memory()
    give_back_memory()


def test_garbage_is_looked_for_again_after_an_import_that_fails():
    with pytest.raises(ModuleNotFoundError), importing():
        assert not gc.isenabled()
        import no_such_module_of_anyone  # noqa: F401
    assert gc.isenabled()
