"""A store on each database. PostgreSQL is a private cluster in a temporary folder, started once."""

import itertools
import os
import shlex
import shutil
import subprocess
import tempfile
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
    """Folder of the socket that a PostgreSQL of our own listens on, and nothing else does."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    # Not pytest's own folder: the server's account may not enter it, and a socket's path must be short.
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
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "-N",
    )
    call("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    # The shell waits for its input to end, which happens however this process ends; then it clears up.
    stop = f"cat; {shlex.join([*as_owner, str(binaries / 'pg_ctl')])} -D {data} -w -m immediate stop; rm -rf {folder}"
    with subprocess.Popen(
        ["sh", "-c", stop], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd="/"
    ):
        yield str(folder)


def _binaries() -> Path | None:
    newest_first = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True
    )
    on_path = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    return next(
        (folder for folder in [*on_path, *newest_first] if (folder / "initdb").exists()), None
    )


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """URL of an empty database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(
        host=postgres, user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://postgres@/{name}?host={postgres}"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'home' / 'store.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database, of each kind."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def open_url() -> Iterator[Callable[[str], SqlStore]]:
    """Opens stores, and closes them when the test is over."""
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
