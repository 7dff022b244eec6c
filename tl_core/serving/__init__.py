"""A run's model over HTTP: the one part of the engine that speaks it, used by the app and by `transferlab serve`."""

from tl_core.serving.api import Refused, make_api
from tl_core.serving.asking import asking_router, is_key
from tl_core.serving.server import make_app

__all__ = ["Refused", "asking_router", "is_key", "make_api", "make_app"]
