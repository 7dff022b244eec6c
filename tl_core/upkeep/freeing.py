"""Freeing of space: what only saves time goes first, and nothing that was made by people."""

from dataclasses import dataclass

from tl_core.files import delete
from tl_core.upkeep.sizes import measure, remade_files
from tl_core.workspace import Workspace

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Freed:
    n_bytes: int
    """Bytes that the disk has gained, as far as others took none meanwhile."""
    cache: int
    """Bytes of the cache that were given up; some may be in use by a run."""
    again: int
    """Bytes of packed exports that were deleted."""
    bin: int
    """Bytes that emptying the bin would free."""
    states: int
    """Bytes of training states, without which finished runs cannot be trained on."""
    largest: tuple[tuple[str, str, str, int], ...]
    """Kind, id, name and bytes of the largest datasets and runs, which only people can judge."""


def free_space(workspace: Workspace) -> Freed:
    """Give up the cache and what can be made again, and tell what else takes room.

    Raises:
        OSError: the disk refuses.
    """
    before = workspace.room.free
    sizes = measure(workspace)
    if workspace.cache and workspace.person.administers:
        workspace.cache.clear()
    for item in sizes.items:
        if item.kind == "run" and item.again:
            for path in remade_files(workspace.artifacts.run_folder(item.id)):
                delete(path)
    left = measure(workspace)
    largest = [item for item in left.items if item.kind != "bin" and item.n_bytes][:_MOST_NAMED]
    return Freed(
        n_bytes=max(0, workspace.room.free - before),
        cache=sizes.cache - left.cache,
        again=sizes.again - left.again,
        bin=left.total("bin"),
        states=left.states,
        largest=tuple((item.kind, item.id, item.name, item.n_bytes) for item in largest),
    )
