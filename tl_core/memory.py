"""Memory allocation: freed tensors are reused, and imports run without garbage collection.

By default glibc returns every large allocation to the kernel. Activations take tens of megabytes
each and are allocated and freed at every layer; getting them from the kernel again, page by page,
took more than half the time of a forward pass on two cores.
"""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

# Options of mallopt, from glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGEST_TENSOR = 2**30
# The largest value of a C int, which mallopt takes.
_NEVER = 2**31 - 1


@cache
def keep_freed_memory() -> bool:
    """Ask glibc to reuse freed memory in all threads; return True where that worked.

    Call this before threads are started: existing ones keep heaps that cannot hold large tensors.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        # Another C library (macOS, Windows, musl) has no such options.
        return False
    options = {
        _M_MMAP_THRESHOLD: _LARGEST_TENSOR,
        _M_TRIM_THRESHOLD: _NEVER,
        # All threads use the main heap: those of further arenas hold 64 MB at most.
        _M_ARENA_MAX: 1,
    }
    return all(mallopt(option, value) for option, value in options.items())


def give_back_memory() -> None:
    """Return free memory to the system, at the end of a run."""
    if keep_freed_memory():
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@contextmanager
def importing() -> Iterator[None]:
    """Suspend garbage collection during large imports, which it slows by a quarter.

    Imported modules never become garbage, so later collections skip them, too.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
