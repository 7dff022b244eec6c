"""Routes for whoever operates a server: is it alive, can it serve, and what does it do."""

from collections.abc import Callable

from starlette.routing import Route

from tl_core.runners import ProcessRunner, ThreadRunner
from tl_core.workspace import Workspace
from tl_ui.operations.health import Health
from tl_ui.operations.logs import log_like_the_worker
from tl_ui.operations.metrics import Metrics

__all__ = ["log_like_the_worker", "make_operations_routes"]


def make_operations_routes(
    get_house: Callable[[], Workspace], get_runner: Callable[[], ProcessRunner | ThreadRunner]
) -> list[Route]:
    """Make the routes; the arguments are first called for the first request."""
    health = Health(get_house, get_runner)
    metrics = Metrics(get_house, health)
    return [
        Route("/healthz", health.alive, methods=["GET"]),
        Route("/readyz", health.ready, methods=["GET"]),
        Route("/metrics", metrics.answer, methods=["GET"]),
    ]
