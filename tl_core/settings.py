"""Settings that the operator of this machine makes by environment variable.

Plain pydantic: models of pydantic-settings read the process's environment wherever one is made, and
need a source of settings of their own to read any other mapping.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from tl_core.access_values import HeaderName, Hosts, Networks, Roles
from tl_core.config import say_what_is_legal
from tl_core.errors import ConfigError


class Limits(BaseModel):
    """Bounds on one dataset, counted while reading and never trusted from a header."""

    model_config = ConfigDict(frozen=True)

    max_bytes: int = Field(4 * 2**30, gt=0)
    """Bytes of one dataset, unpacked."""
    max_files: int = Field(100_000, gt=0)
    """Files of one dataset."""
    max_file_bytes: int = Field(256 * 2**20, gt=0)
    """Bytes of one image file."""
    max_pixels: int = Field(100_000_000, gt=0)
    """Pixels of one image."""


def _resolve(folder: Path) -> Path:
    try:
        return folder.expanduser().resolve()
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{str(folder)!r} is not a folder that can be found ({error}).") from error


def _split(folders: Any) -> Any:
    if not isinstance(folders, str):
        return folders
    # An empty part, as a separator at the end leaves, would stand for the current folder.
    return [folder for folder in folders.split(os.pathsep) if folder]


def _check_key(key: str) -> str:
    # Only printable ASCII arrives unchanged in an HTTP header.
    if len(key) < _SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(
            f"it must have at least {_SHORTEST_KEY} ASCII characters and no spaces; "
            "`openssl rand -hex 24` makes one."
        )
    return key


_SHORTEST_KEY = 16
_NAMED_OTHERWISE = {
    "weights_folder": "TRANSFERLAB_WEIGHTS",
    "tensorboard_folder": "TRANSFERLAB_TENSORBOARD",
    "mlflow_uri": "MLFLOW_TRACKING_URI",
}
"""Environment variables whose names do not follow from their fields."""
_Folder = Annotated[Path, AfterValidator(_resolve)]


class Settings(BaseModel):
    # Values such as database URLs may hold passwords and must not show in errors. Default folders
    # have to be resolved, too.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, validate_default=True)

    home: _Folder = Path("~/.transferlab")
    """Home folder of everything that is kept (`TRANSFERLAB_HOME`, default `~/.transferlab`)."""
    database_url: str = Field(
        default_factory=lambda known: f"sqlite:///{known.get('home')}/transferlab.db", repr=False
    )
    """SQLAlchemy URL (`TRANSFERLAB_DATABASE_URL`, default SQLite inside `home`)."""
    weights_folder: _Folder | None = None
    """Folder of `<backbone>.safetensors` or `.pth` (`TRANSFERLAB_WEIGHTS`)."""
    server_folders: Annotated[tuple[_Folder, ...], BeforeValidator(_split)] = ()
    """Folders on the server that the browser may import from (`TRANSFERLAB_SERVER_FOLDERS`,
    separated like PATH)."""
    runner: Literal["process", "thread"] = "process"
    """Runner of the server: a worker process of its own, or a thread of the server
    (`TRANSFERLAB_RUNNER`)."""
    after_restart: Literal["resume", "interrupt"] = "resume"
    """Fate of runs that were under way when the server ended: they resume by themselves, or stay
    interrupted until somebody resumes them (`TRANSFERLAB_AFTER_RESTART`)."""
    cache_gb: float = Field(
        20,
        ge=0,
        lt=1e6,
        json_schema_extra={"example": "gigabytes, such as 20, or 0 to keep nothing"},
    )
    """Gigabytes of disk for what is computed of images and can be computed again; 0 keeps none
    (`TRANSFERLAB_CACHE_GB`)."""
    workers: int | None = Field(
        None, ge=1, le=256, json_schema_extra={"example": "a number of threads from 1 to 256"}
    )
    """Threads that read images while training (`TRANSFERLAB_WORKERS`, default one per core)."""
    frozen_by: Literal["fastest", "pytorch"] = "fastest"
    """Engine for frozen stages on a CPU: ONNX Runtime where it is faster, or always PyTorch
    (`TRANSFERLAB_FROZEN_BY`)."""
    tensorboard_folder: _Folder | None = None
    """Folder for TensorBoard event files, one per run (`TRANSFERLAB_TENSORBOARD`, default none)."""
    mlflow_uri: str | None = Field(None, repr=False)
    """MLflow server that is also told of every run (`MLFLOW_TRACKING_URI`; default none)."""
    api_key: Annotated[str, AfterValidator(_check_key)] | None = Field(None, repr=False)
    """Key with which programs may ask every run's model over HTTP (`TRANSFERLAB_API_KEY`, default
    none)."""
    metrics_token: Annotated[str, AfterValidator(_check_key)] | None = Field(None, repr=False)
    """Token with which Prometheus asks for `/metrics` (`TRANSFERLAB_METRICS_TOKEN`; without one,
    this machine alone may ask)."""
    log: Literal["text", "json"] = "text"
    """Form of the log of server and worker, on stderr (`TRANSFERLAB_LOG`)."""
    access: Literal["open", "classroom", "organisation"] = "open"
    """People who may use the app: one person on this machine, a class that joins by a code, or
    those whom an identity provider or a proxy names (`TRANSFERLAB_ACCESS`)."""
    allow_open: bool = Field(False, json_schema_extra={"example": "1 or 0"})
    """Leave to listen beyond this machine while the app is open to everyone; every page then says
    so (`TRANSFERLAB_ALLOW_OPEN`)."""
    hosts: Hosts = ()
    """Further host names under which browsers reach the app (`TRANSFERLAB_HOSTS`, separated by
    commas; `*.example.org` stands for all below it)."""
    proxies: Networks = ()
    """Addresses of proxies whose `X-Forwarded-…` headers are believed (`TRANSFERLAB_PROXIES`,
    separated by commas)."""
    user_header: HeaderName | None = None
    """Header in which such a proxy names the person who has signed in, for access "organisation"
    (`TRANSFERLAB_USER_HEADER`; without one, people sign in by OpenID Connect)."""
    name_header: HeaderName | None = None
    """Header with the name to show for the person (`TRANSFERLAB_NAME_HEADER`)."""
    groups_header: HeaderName | None = None
    """Header with the person's groups, separated by commas (`TRANSFERLAB_GROUPS_HEADER`)."""
    oidc_provider: str = "default"
    """Section of Streamlit's `secrets.toml`, below `[auth]`, that names the identity provider
    (`TRANSFERLAB_OIDC_PROVIDER`)."""
    groups_claim: str = "groups"
    """Claim of the identity provider with the person's groups (`TRANSFERLAB_GROUPS_CLAIM`)."""
    roles: Roles = ()
    """Roles by group, such as `lab-staff=lead, lab-heads=admin` (`TRANSFERLAB_ROLES`). Everyone
    else is a member; where a group is named as member, everyone else is refused."""
    limits: Limits = Limits()
    """Limits of one dataset (`TRANSFERLAB_MAX_BYTES`, `_MAX_FILES`, `_MAX_FILE_BYTES`,
    `_MAX_PIXELS`)."""

    @property
    def cache_bytes(self) -> int:
        # Powers of ten, as sizes are shown.
        return int(self.cache_gb * 10**9)

    @property
    def weights_folders(self) -> tuple[Path, ...]:
        """Folders that are searched for weights: the operator's, then the one for uploads."""
        return (*([self.weights_folder] if self.weights_folder else []), self.home / "weights")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment; a variable that is empty counts as unset.

        Raises:
            ConfigError: a variable's value is not possible; the sentence names the variable.
        """
        environ = os.environ if environ is None else environ
        given = {**_given(cls, environ), "limits": _given(Limits, environ)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ConfigError(_sentence(error)) from error


def _given(model: type[BaseModel], environ: Mapping[str, str]) -> dict[str, str]:
    """Values of the fields whose variables are set and not empty."""
    values = {field: environ.get(variable_of(field)) for field in model.model_fields}
    return {field: value for field, value in values.items() if value}


def variable_of(field: str) -> str:
    """Return the environment variable of a field of `Settings` or `Limits`."""
    return _NAMED_OTHERWISE.get(field, f"TRANSFERLAB_{field.upper()}")


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    section, *inside = map(str, first["loc"])
    if section == "limits":
        return say_what_is_legal(Limits, error, inside[0], called=variable_of(inside[0]))
    if first["type"] == "value_error":
        return f"{variable_of(section)}: {first['ctx']['error']}"
    return say_what_is_legal(Settings, error, section, called=variable_of(section))
