"""Command `app`, which starts the web app."""

import sys
from importlib.util import find_spec
from pathlib import Path
from runpy import run_module
from typing import Annotated

import typer

from tl_core.errors import ConfigError


def app(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the address to open in a browser.")
    ] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 to let other machines in.")
    ] = "localhost",
) -> None:
    """Start the web app and open it in a browser."""
    options = [f"--server.port={port}", f"--server.address={address}"]
    sys.argv = ["streamlit", "run", str(_find_script()), *options]
    run_module("streamlit", run_name="__main__")


def _find_script() -> Path:
    """Return `app.py`, of an installed package or of the project's folder.

    Raises:
        ConfigError: only the engine is here.
    """
    # The engine may not import the app, whose files are only looked for.
    spec = find_spec("tl_ui")
    folders = spec.submodule_search_locations if spec else None
    for package in map(Path, folders or ()):
        for script in (package / "site" / "app.py", package.parent / "app.py"):
            if script.is_file():
                return script
    raise ConfigError(
        "The files of the web app are not beside this command: run `pip install .` in "
        "TransferLab's folder."
    )
