"""Folders on the server that the operator lets browsers import from."""

from collections.abc import Sequence
from pathlib import Path

from tl_core.data.paths import source_from_path
from tl_core.data.sources import Source
from tl_core.errors import DatasetRefused


def server_source(path: str, allowed: Sequence[Path]) -> Source:
    """A zip or folder below one of the `allowed` folders, links resolved.

    Raises:
        DatasetRefused: it lies elsewhere, is missing, or is neither; no difference is told between the first two.
    """
    try:
        real = Path(path.strip()).resolve(strict=True)
        is_allowed = any(real.is_relative_to(folder.resolve()) for folder in allowed)
    except (OSError, ValueError, RuntimeError):
        is_allowed = False
    if not is_allowed:
        raise DatasetRefused(
            f'"{path}" is not there, or not below a folder that may be imported from.'
        )
    return source_from_path(real)
