"""Predictions over HTTP, for the app and `transferlab serve`: the only HTTP code in tl_core."""

from tl_core.serving.api import Refused, make_api
from tl_core.serving.asking import asking_router, is_key
from tl_core.serving.server import make_app

__all__ = ["Refused", "asking_router", "is_key", "make_api", "make_app"]
