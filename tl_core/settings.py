"""What the operator of this machine decides, by environment variable."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


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


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    home: Path
    """Where everything is kept (`TRANSFERLAB_HOME`, default `~/.transferlab`)."""
    database_url: str
    """SQLAlchemy URL (`TRANSFERLAB_DATABASE_URL`, default SQLite inside `home`)."""
    weights_folder: Path | None = None
    """Folder of `<backbone>.safetensors` or `.pth` (`TRANSFERLAB_WEIGHTS`)."""
    server_folders: tuple[Path, ...] = ()
    """Folders on the server that the browser may import from (`TRANSFERLAB_SERVER_FOLDERS`, separated like PATH)."""
    limits: Limits = Limits()
    """Overridden by `TRANSFERLAB_MAX_BYTES`, `_MAX_FILES`, `_MAX_FILE_BYTES`, `_MAX_PIXELS`, `_MAX_RATIO`."""

    @classmethod
    def from_environment(cls, environ: dict[str, str] | None = None) -> "Settings":
        env = dict(os.environ) if environ is None else environ
        home = Path(env.get("TRANSFERLAB_HOME") or "~/.transferlab").expanduser().resolve()
        weights = env.get("TRANSFERLAB_WEIGHTS")
        folders = [
            Path(p).expanduser().resolve() for p in env.get("TRANSFERLAB_SERVER_FOLDERS", "").split(os.pathsep) if p
        ]
        limits = {name: env[key] for name in Limits.model_fields if (key := f"TRANSFERLAB_{name.upper()}") in env}
        return cls(
            home=home,
            database_url=env.get("TRANSFERLAB_DATABASE_URL") or f"sqlite:///{home / 'transferlab.db'}",
            weights_folder=Path(weights).expanduser().resolve() if weights else None,
            server_folders=tuple(Path(folder).expanduser().resolve() for folder in folders),
            limits=Limits.model_validate(limits),
        )
