"""Command `app`, which starts the web app."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from runpy import run_module
from typing import Annotated

import typer

from tl_core.errors import ConfigError
from tl_core.listening import check_listening
from tl_core.network import is_local
from tl_core.settings import Settings

_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104


def app(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the address to open in a browser.")
    ] = 8501,
    address: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; 0.0.0.0 to let other machines in.  [default: localhost; "
            "0.0.0.0 in a classroom]",
            show_default=False,
        ),
    ] = None,
    classroom: Annotated[
        bool, typer.Option("--classroom", help="Let a class join by a code that is printed.")
    ] = False,
    tls: Annotated[
        bool | None,
        typer.Option(
            "--tls/--no-tls",
            help="Encrypt with a certificate of this machine's own.  [default: in a classroom that "
            "other machines reach, unless a proxy does it]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start the web app and open it in a browser."""
    if classroom:
        os.environ["TRANSFERLAB_ACCESS"] = "classroom"
    settings = Settings.from_environment()
    is_classroom = settings.access == "classroom"
    address = address or (_EVERY_ADDRESS if is_classroom else "localhost")
    check_listening(settings, address)
    # The app itself looks at headers of proxies, and at where they come from.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    options = [f"--server.port={port}", f"--server.address={address}"]
    if is_classroom:
        # The teacher opens an address of their own, which is printed; Streamlit's greeting would
        # ask the internet for this machine's address first.
        options += ["--server.headless=true", "--logger.hideWelcomeMessage=true"]
    if tls is None:
        tls = is_classroom and not is_local(address) and not settings.proxies
    if tls:
        options += _certificate_options(settings, address)
    sys.argv = ["streamlit", "run", str(_find_script()), *options]
    run_module("streamlit", run_name="__main__")


def _certificate_options(settings: Settings, address: str) -> list[str]:
    """Return the options by which Streamlit finds our certificate, which is made where needed.

    Raises:
        ConfigError: the home folder cannot be written.
    """
    from tl_core.certificates import ensure_certificate
    from tl_core.network import as_number, host_names, lan_addresses

    hosts = [*settings.hosts, *host_names(), "localhost", *lan_addresses(), "127.0.0.1", "::1"]
    if address != _EVERY_ADDRESS:
        hosts.append(address)
    numbers = {host: as_number(host) for host in dict.fromkeys(hosts)}
    names = [host for host, number in numbers.items() if number is None]
    addresses = list(dict.fromkeys(str(number) for number in numbers.values() if number))
    try:
        made = ensure_certificate(settings.home / "tls", names, addresses)
    except OSError as error:
        raise ConfigError(
            f"The certificate in {settings.home / 'tls'} cannot be made ({error.strerror}): let "
            "this user write there, or start with --no-tls."
        ) from error
    return [f"--server.sslCertFile={made.file}", f"--server.sslKeyFile={made.key}"]


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
