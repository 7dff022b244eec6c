"""Sources from folders on the server that its operator has opened to imports."""

from collections.abc import Sequence
from pathlib import Path

from tl_core.data.paths import source_from_path
from tl_core.data.sources import Source
from tl_core.errors import DatasetRefused


def server_source(path: str, allowed: Sequence[Path]) -> Source:
    """Return the source for a zip file or folder below one of the `allowed` folders.

    Raises:
        DatasetRefused: the path lies elsewhere, does not exist, or is neither of the two.
    """
    # Links are resolved first, so that none leads outside. A path outside gets the same message
    # as a missing one: which files the server has is not for a browser to know.
    try:
        real = Path(path.strip()).resolve(strict=True)
        is_allowed = any(real.is_relative_to(folder.resolve()) for folder in allowed)
    except (OSError, ValueError, RuntimeError):
        is_allowed = False
    refused = DatasetRefused(
        f'"{path}" is not there, or not below a folder that may be imported from.'
    )
    if not is_allowed:
        raise refused
    source = source_from_path(real)
    # From here on the source opens this very path and refuses links on the way to it. Had somebody
    # put one there since it was resolved, it would be another path.
    if source.path != real:
        raise refused
    return source
