"""OpenMP settings: threads of PyTorch that wait for each other leave their core to others."""

import os

_SPIN_COUNT = "1000"
"""Turns that a waiting thread checks again before it sleeps: some microseconds.

With the library's own 300,000 it holds its core for milliseconds, just when the thread it waits for
needs a core. On two cores beside six busy programs a training step took 1.5 s instead of 0.15 s;
on an idle machine it made no difference.
"""


def wait_without_spinning() -> None:
    """Let GNU OpenMP's threads sleep soon when they wait, unless the operator has set it.

    Call this before torch is imported, which reads the variable once.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
