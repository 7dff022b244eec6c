"""A run's model over HTTP: the one part of the engine that speaks it, used by the app and by `transferlab serve`."""

from tl_core.serving.asking import Asking, Refused
from tl_core.serving.openapi import describe
from tl_core.serving.server import NO_KEY, bearer, is_key, make_app, nothing_there

__all__ = [
    "NO_KEY",
    "Asking",
    "Refused",
    "bearer",
    "describe",
    "is_key",
    "make_app",
    "nothing_there",
]
