"""How fast networks were found to be on this machine, remembered between processes."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

from tl_core.backbones import get_backbone
from tl_core.errors import UnknownBackbone
from tl_core.training.device import pick_device

_FILE = "speeds.json"
_Speeds = dict[str, dict[str, dict[str, list[float]]]]
"""Device, backbone, image size: seconds of one image through each stage, forward. "224 behind 5": through five frozen
stages together, as a run passes images through them."""


def remember(home: Path, backbone: str, image_size: int, seconds: Sequence[float], behind: int | None = None) -> None:
    """Keep what was measured on this machine's device.

    Args:
        image_size: side in pixels.
        seconds: of one image through each stage, forward; or one figure for all the stages that a run freezes.
        behind: how many those are.
    """
    speeds = _read(home)
    sizes = speeds.setdefault(pick_device().title, {}).setdefault(backbone, {})
    sizes[_key(image_size, behind)] = list(seconds)
    home.mkdir(parents=True, exist_ok=True)
    unfinished = home / f"{_FILE}.{uuid.uuid4().hex}"  # of several that write at once, the last is kept
    try:
        unfinished.write_text(json.dumps(speeds, indent=1, sort_keys=True), "utf-8")
        unfinished.replace(home / _FILE)
    finally:
        unfinished.unlink(missing_ok=True)


def recall(home: Path, backbone: str, image_size: int, behind: int | None = None) -> tuple[float, ...] | None:
    """What `remember` was told of this machine's device; None when nothing was."""
    seconds = _read(home).get(pick_device().title, {}).get(backbone, {}).get(_key(image_size, behind))
    return tuple(seconds) if seconds else None


def _key(image_size: int, behind: int | None) -> str:
    return f"{image_size}" if behind is None else f"{image_size} behind {behind}"


def measured_speeds(home: Path) -> dict[str, float]:
    """Images a second, forward, by backbone: of those measured at their own image size on this machine's device."""
    speeds = {}
    for name, sizes in _read(home).get(pick_device().title, {}).items():
        try:
            seconds = sizes.get(str(get_backbone(name).preprocessing.size))
        except UnknownBackbone:  # of another version
            continue
        if seconds and sum(seconds) > 0:
            speeds[name] = 1 / sum(seconds)
    return speeds


def _read(home: Path) -> _Speeds:
    """Empty when nothing was measured, or the file is damaged: it will be measured again."""
    try:
        speeds: _Speeds = json.loads((home / _FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return speeds if isinstance(speeds, dict) else {}
