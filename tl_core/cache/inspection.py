"""Search for damaged files of a cache, without reading their rows."""

from collections.abc import Iterator
from pathlib import Path

from tl_core.cache.segment import Damaged, Segment
from tl_core.cache.space import SEGMENT, paths_in


def damaged_segments(folder: Path) -> Iterator[Path]:
    """Yield the segments whose header or length is wrong. Rows are verified when they are read."""
    for shelf in sorted(paths_in(folder)):
        for path in sorted(paths_in(shelf)):
            if path.suffix == SEGMENT and _is_damaged(path):
                yield path


def _is_damaged(path: Path) -> bool:
    try:
        Segment(path)
    except Damaged:
        return True
    # Somebody has deleted it to make room.
    except OSError:
        pass
    return False
