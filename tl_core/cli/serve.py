"""Command `serve`, which serves the models of all runs over HTTP, without the app."""

import ipaddress
import socket
from typing import Annotated

import typer

from tl_core.cli.output import out
from tl_core.descriptors import allow_many_descriptors
from tl_core.errors import ConfigError
from tl_core.memory import importing

_MOST_CONNECTIONS = 500
"""Connections beyond which requests are refused at once."""


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 to accept other machines.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")
    ] = 8600,
) -> None:
    """Serve predictions of every run's model over HTTP, without the app.

    Requests from other machines need the key that is set as TRANSFERLAB_API_KEY.
    """
    with importing():
        import uvicorn

        from tl_core.serving import make_app
        from tl_core.workspace import open_workspace

    allow_many_descriptors()
    workspace = open_workspace()
    key = workspace.settings.api_key
    if key is None and not _is_this_machine(host):
        raise ConfigError(
            f"--host: {host!r} can be reached from other machines: set TRANSFERLAB_API_KEY to the "
            "key that they must send."
        )
    # Opened before uvicorn runs, so that the number of a free port is known.
    with _listen(host, port) as listening:
        base = f"http://{host}:{listening.getsockname()[1]}"
        header = '-H "Authorization: Bearer $TRANSFERLAB_API_KEY" ' if key else ""
        command = f"curl {header}--data-binary @IMAGE {base}/api/runs/RUN/predict"
        out.print(f"Predict with a run's model: {command}")
        out.print(f"API description: {base}/api/openapi.json")
        config = uvicorn.Config(
            make_app(workspace, key), log_level="warning", limit_concurrency=_MOST_CONNECTIONS
        )
        server = uvicorn.Server(config)
        server.run([listening])


def _is_this_machine(host: str) -> bool:
    try:
        # Any other name may stand for an address that other machines can reach.
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"--host {host} --port {port}: no server can be started there ({reason})."
        ) from error
