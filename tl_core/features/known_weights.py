"""Digests of weights that runs computed, so that the cache can be asked before weights are read.

Rows are found by the digest of the weights in front of them. Reading and hashing the weights takes
up to seconds, which is too long for a form.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tl_core.backbones import find_chosen_weights, get_backbone
from tl_core.cache import RowCache
from tl_core.config import ModelConfig
from tl_core.files import write_whole
from tl_core.locks import hold_lock

_FILE = "weights.json"


def remember_digests(
    cache: RowCache, config: ModelConfig, folders: Sequence[Path], digests: Sequence[str]
) -> None:
    """Store the digests of the first stages of an untrained network; failures are ignored.

    Args:
        config: settings that the network was built from.
        folders: folders that were searched for its weights.
        digests: one for each stage from the input.
    """
    name = _name(config, folders)
    path = cache.folder / _FILE
    if name is None or len(_read(path).get(name, [])) >= len(digests):
        return
    with suppress(OSError), hold_lock(path.with_suffix(".lock")):
        write_whole(path, json.dumps(_read(path) | {name: list(digests)}), durable=False)


def recall_digests(cache: RowCache, config: ModelConfig, folders: Sequence[Path]) -> list[str]:
    """Return the digests that `remember_digests` stored; empty if the weights are not known."""
    name = _name(config, folders)
    return _read(cache.folder / _FILE).get(name, []) if name else []


def _name(config: ModelConfig, folders: Sequence[Path]) -> str | None:
    """Name the weights by their file's path, size and time; None if they are not here."""
    if not config.pretrained:
        return None
    file = find_chosen_weights(get_backbone(config.backbone), config, folders)
    if file is None:
        return None
    with suppress(OSError):
        found = file.stat()
        # The image size changes position embeddings, and so the digests of a transformer.
        parts = (config.backbone, config.image_size, file, found.st_size, found.st_mtime_ns)
        return " ".join(map(str, parts))
    return None


def _read(path: Path) -> dict[str, list[str]]:
    try:
        known: dict[str, list[str]] = json.loads(path.read_text("utf-8"))
    # Broken JSON and broken UTF-8 both raise kinds of ValueError.
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
