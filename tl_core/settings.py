"""What the operator of this machine decides, by environment variable."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tl_core.config import say_what_is_legal
from tl_core.errors import ConfigError


class Limits(BaseModel):
    """Bounds on what one dataset may bring in, checked while reading and never trusted from a header."""

    model_config = ConfigDict(frozen=True)

    max_bytes: int = Field(4 * 2**30, gt=0)
    """Bytes of one dataset, unpacked."""
    max_files: int = Field(100_000, gt=0)
    """Files of one dataset."""
    max_file_bytes: int = Field(256 * 2**20, gt=0)
    """Bytes of one image file."""
    max_pixels: int = Field(100_000_000, gt=0)
    """Pixels of one image."""
    max_ratio: int = Field(200, gt=1)
    """Unpacked over packed bytes of a zip; images hardly compress, so more is a bomb."""


_SHORTEST_KEY = 16
Runner = Literal["process", "thread"]
"""What of the server trains: a worker process of its own, or a thread of the one that answers people."""
FrozenBy = Literal["fastest", "pytorch"]
"""What computes frozen stages on a CPU."""
_Word = TypeVar("_Word", bound=str)


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    home: Path
    """Where everything is kept (`TRANSFERLAB_HOME`, default `~/.transferlab`)."""
    database_url: str = Field(repr=False)
    """SQLAlchemy URL (`TRANSFERLAB_DATABASE_URL`, default SQLite inside `home`)."""
    weights_folder: Path | None = None
    """Folder of `<backbone>.safetensors` or `.pth` (`TRANSFERLAB_WEIGHTS`)."""
    server_folders: tuple[Path, ...] = ()
    """Folders on the server that the browser may import from (`TRANSFERLAB_SERVER_FOLDERS`, separated like PATH)."""
    runner: Runner = "process"
    """Who carries out runs for the server (`TRANSFERLAB_RUNNER`)."""
    cache_gb: float = Field(20, ge=0)
    """Gigabytes of disk for what is computed of images and can be computed again; 0 keeps none
    (`TRANSFERLAB_CACHE_GB`)."""
    workers: int | None = Field(None, ge=1, le=256)
    """Threads that read images while training (`TRANSFERLAB_WORKERS`, default one for each core, from 2 to 12)."""
    frozen_by: FrozenBy = "fastest"
    """What computes frozen stages on a CPU: ONNX Runtime where that pays, or always PyTorch, as without a cache
    (`TRANSFERLAB_FROZEN_BY`)."""
    tensorboard_folder: Path | None = None
    """Where runs also write event files for TensorBoard, a folder each (`TRANSFERLAB_TENSORBOARD`; default nowhere)."""
    mlflow_uri: str | None = Field(None, repr=False)
    """Of an MLflow server that runs are also told to (`MLFLOW_TRACKING_URI`; default none)."""
    api_key: str | None = Field(None, repr=False)
    """What programs may ask every run's model with, over HTTP (`TRANSFERLAB_API_KEY`, default none)."""
    limits: Limits = Limits()
    """Overridden by `TRANSFERLAB_MAX_BYTES`, `_MAX_FILES`, `_MAX_FILE_BYTES`, `_MAX_PIXELS`, `_MAX_RATIO`."""

    @property
    def cache_bytes(self) -> int:
        return int(self.cache_gb * 10**9)

    @property
    def weights_folders(self) -> tuple[Path, ...]:
        """Where weights files are looked for: the operator's folder, then the one that uploads go to."""
        return (*([self.weights_folder] if self.weights_folder else []), self.home / "weights")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment; a variable that is empty counts as unset.

        Raises:
            ConfigError: a variable's value is not possible; the sentence names the variable.
        """
        env = {
            name: value
            for name, value in (os.environ if environ is None else environ).items()
            if value
        }
        home = _folder("TRANSFERLAB_HOME", env.get("TRANSFERLAB_HOME", "~/.transferlab"))
        weights, tensorboard = env.get("TRANSFERLAB_WEIGHTS"), env.get("TRANSFERLAB_TENSORBOARD")
        folders = env.get("TRANSFERLAB_SERVER_FOLDERS", "").split(os.pathsep)
        return cls(
            home=home,
            database_url=env.get(
                "TRANSFERLAB_DATABASE_URL", f"sqlite:///{home / 'transferlab.db'}"
            ),
            weights_folder=_folder("TRANSFERLAB_WEIGHTS", weights) if weights else None,
            server_folders=tuple(
                _folder("TRANSFERLAB_SERVER_FOLDERS", folder) for folder in folders if folder
            ),
            runner=_one_of(get_args(Runner), "TRANSFERLAB_RUNNER", env),
            frozen_by=_one_of(get_args(FrozenBy), "TRANSFERLAB_FROZEN_BY", env),
            cache_gb=_gigabytes("TRANSFERLAB_CACHE_GB", env),
            workers=_workers("TRANSFERLAB_WORKERS", env),
            tensorboard_folder=_folder("TRANSFERLAB_TENSORBOARD", tensorboard)
            if tensorboard
            else None,
            mlflow_uri=env.get("MLFLOW_TRACKING_URI"),
            api_key=_api_key(env),
            limits=_limits(env),
        )


def _folder(variable: str, text: str) -> Path:
    try:
        return Path(text).expanduser().resolve()
    except (OSError, RuntimeError) as error:
        raise ConfigError(
            f"{variable}: {text!r} is not a folder that can be found ({error})."
        ) from error


def _one_of(words: tuple[_Word, ...], variable: str, env: Mapping[str, str]) -> _Word:
    """The first where none is given."""
    given = env.get(variable, words[0])
    for word in words:
        if given == word:
            return word
    possible = " or ".join(map(repr, words))
    raise ConfigError(f"{variable}: {given!r} is not possible; give {possible}.")


def _gigabytes(variable: str, env: Mapping[str, str]) -> float:
    text = env.get(variable, str(Settings.model_fields["cache_gb"].default))
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = -1.0
    if not 0 <= gigabytes < 1e6:
        raise ConfigError(
            f"{variable}: {text!r} is not possible; give gigabytes, such as 20, or 0 to keep nothing."
        )
    return gigabytes


def _workers(variable: str, env: Mapping[str, str]) -> int | None:
    text = env.get(variable, "")
    if text and not (text.isdecimal() and 1 <= int(text) <= 256):
        raise ConfigError(
            f"{variable}: {text!r} is not possible; give a number of threads from 1 to 256."
        )
    return int(text) if text else None


def _api_key(env: Mapping[str, str]) -> str | None:
    key = env.get("TRANSFERLAB_API_KEY")
    if key is not None and not (
        len(key) >= _SHORTEST_KEY and key.isascii() and key.isprintable() and " " not in key
    ):
        raise ConfigError(
            f"TRANSFERLAB_API_KEY: it must have at least {_SHORTEST_KEY} ASCII characters and no spaces; "
            "`openssl rand -hex 24` makes one."
        )
    return key


def _limits(env: Mapping[str, str]) -> Limits:
    variables = {name: f"TRANSFERLAB_{name.upper()}" for name in Limits.model_fields}
    try:
        return Limits.model_validate(
            {name: env[key] for name, key in variables.items() if key in env}
        )
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise ConfigError(say_what_is_legal(Limits, error, name, called=variables[name])) from error
