"""What becomes of memory: large tensors are kept for the next step, and imports are not searched for garbage.

By default glibc hands every large tensor back to the kernel. Activations are tens of megabytes each, made and freed at
every layer; fetching them from the kernel anew, page by page, took more than half the time of a forward pass on two
cores.
"""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LARGEST_TENSOR = 2**30
_NEVER = 2**31 - 1


@cache
def keep_freed_memory() -> bool:
    """Ask glibc to reuse what is freed, in all threads alike; True where that worked.

    Call it before threads are started: those that exist keep their own heaps, which cannot hold large tensors.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another system's C library: nothing to mend there
        return False
    return all(
        mallopt(option, value)
        for option, value in (
            (_M_MMAP_THRESHOLD, _LARGEST_TENSOR),
            (_M_TRIM_THRESHOLD, _NEVER),
            (_M_ARENA_MAX, 1),
        )
    )


def give_back_memory() -> None:
    """Hand what is free now back to the system: for when a run has ended."""
    if keep_freed_memory():
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@contextmanager
def importing() -> Iterator[None]:
    """For large imports, none of which ever becomes garbage: looking for some meanwhile takes a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
