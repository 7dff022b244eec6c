"""Gate in front of the app: who may come, who they are, and what answers may do in a browser."""

from collections.abc import Callable

from starlette.middleware import Middleware
from starlette.routing import Route

from tl_core.access import Directory
from tl_core.settings import Settings
from tl_ui.gate.gate import Gate
from tl_ui.gate.joining import Joining
from tl_ui.gate.teacher import TeacherSignIn

__all__ = ["make_gate", "make_gate_routes"]


def make_gate(
    get_settings: Callable[[], Settings],
    get_directory: Callable[[], Directory],
    get_address: Callable[[], str | None],
) -> Middleware:
    """Make the middleware; the arguments are first called for the first request.

    Args:
        get_address: returns the address that the server listens on; None for all of the machine's.
    """
    return Middleware(Gate, get_settings, get_directory, get_address)


def make_gate_routes(
    get_settings: Callable[[], Settings], get_directory: Callable[[], Directory]
) -> list[Route]:
    """Make the pages for joining, leaving and the teacher's sign-in."""
    joining = Joining(get_settings, get_directory)
    teacher = TeacherSignIn(get_settings, get_directory)
    return [
        Route("/join", joining.show, methods=["GET"]),
        Route("/join", joining.take, methods=["POST"]),
        Route("/leave", joining.leave, methods=["GET", "POST"]),
        Route("/teacher", teacher.show, methods=["GET"]),
        Route("/teacher", teacher.take, methods=["POST"]),
    ]
