"""Stores on both databases; PostgreSQL runs as a private cluster in a temporary folder."""

import itertools
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tl_core.config import RunConfig, make_run_config
from tl_core.records import DatasetRecord
from tl_core.store import SqlStore

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Folder of the socket of a private PostgreSQL server."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    # Not pytest's folder: the server's account may not enter it, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="tl-pg-"))
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_owner:
        shutil.chown(folder, "postgres")
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=60"
    data = folder / "data"

    def call(program: str, *arguments: str) -> None:
        command = [*as_owner, str(binaries / program), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    call(
        "initdb",
        "-D",
        str(data),
        *["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"],
    )
    call("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    # The shell's input ends with this process, however that ends; then the shell cleans up.
    pg_ctl = shlex.join([*as_owner, str(binaries / "pg_ctl")])
    clean_up = ["sh", "-c", f"cat; {pg_ctl} -D {data} -w -m immediate stop; rm -rf {folder}"]
    with subprocess.Popen(clean_up, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd="/"):
        yield str(folder)


@pytest.fixture
def restart(postgres: str) -> Iterator[Callable[[float], None]]:
    """Return a function that stops the PostgreSQL server for some seconds; it runs afterwards."""
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    program = [*as_owner, str(_binaries() / "pg_ctl"), "-D", f"{postgres}/data", "-w"]
    options = (Path(postgres) / "data" / "postmaster.opts").read_text().split(maxsplit=1)[1]

    def call(*arguments: str) -> None:
        command = [*program, "-l", f"{postgres}/log", *arguments]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    def away_for(seconds: float) -> None:
        call("-m", "fast", "stop")
        time.sleep(seconds)
        call("-o", options.replace('"', ""), "start")

    yield away_for
    if subprocess.run([*program, "status"], check=False, stdout=subprocess.DEVNULL).returncode:
        call("-o", options.replace('"', ""), "start")


def _binaries() -> Path | None:
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in versions), default=None)


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """URL of an empty database."""
    name = f"test_{next(_numbers)}"
    account = {"host": postgres, "user": "postgres", "dbname": "postgres"}
    with psycopg.connect(**account, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://postgres@/{name}?host={postgres}"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'home' / 'store.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database of either kind."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def open_url() -> Iterator[Callable[[str], SqlStore]]:
    """Return a function that opens stores, which are closed after the test."""
    opened: list[SqlStore] = []

    def open_one(url: str) -> SqlStore:
        opened.append(SqlStore(url))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(url: str, open_url: Callable[[str], SqlStore]) -> SqlStore:
    return open_url(url)


@pytest.fixture(scope="session")
def config() -> RunConfig:
    return make_run_config("0123456789abcdef", {"epochs": 5})


@pytest.fixture(scope="session")
def dataset() -> DatasetRecord:
    return DatasetRecord(
        id="0123456789abcdef",
        name="flowers",
        classes=("daisy", "rose"),
        counts=(3, 4),
        n_skipped=1,
        source="folder",
        created_at=1_700_000_000.25,
        warnings=("One image is under two classes.",),
    )
