"""How fast networks were found to be on this machine, remembered between processes."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tl_core.backbones import get_backbone
from tl_core.errors import UnknownBackbone
from tl_core.files import write_whole
from tl_core.training.device import pick_device

_FILE = "speeds.json"
_ENOUGH_TO_TELL = 64
"""Images after the first batch from which their pace is believed, and remembered for estimates of other runs."""
_Speeds = dict[str, dict[str, dict[str, list[float]]]]
"""Device, backbone, image size: seconds of one image through each stage, forward. "224 behind 5": through five frozen
stages together, as a run passes images through them."""


class Pace:
    """Seconds of one image through the frozen stages, apart from what it takes to begin."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._began = clock, clock()
        self._first: tuple[float, int] | None = None
        self._last = self._began
        self.seen = 0

    def see(self, done: int) -> None:
        """So many images have passed."""
        self.seen, self._last = done, self._clock()
        self._first = self._first or (self._last, done)

    def found(self) -> dict[str, float] | None:
        """Seconds an image, and seconds before the first; None where too few passed to tell."""
        if not self._first or self.seen - self._first[1] < _ENOUGH_TO_TELL:
            return None
        since, before = self._first
        seconds = (self._last - since) / (self.seen - before)
        return {
            "seconds": seconds,
            "start_seconds": max(0.0, since - self._began - before * seconds),
        }


def remember(
    home: Path, backbone: str, image_size: int, seconds: Sequence[float], behind: int | None = None
) -> None:
    """Keep what was measured on this machine's device.

    Args:
        image_size: side in pixels.
        seconds: of one image through each stage, forward; or through all the stages that a run freezes, and before the
            first.
        behind: how many those are.
    """
    speeds = _read(home)
    sizes = speeds.setdefault(pick_device().title, {}).setdefault(backbone, {})
    sizes[_key(image_size, behind)] = list(seconds)
    # Not durable: what is lost is measured again.
    write_whole(home / _FILE, json.dumps(speeds, indent=1, sort_keys=True), durable=False)


def recall(
    home: Path, backbone: str, image_size: int, behind: int | None = None
) -> tuple[float, ...] | None:
    """What `remember` was told of this machine's device; None when nothing was."""
    seconds = (
        _read(home).get(pick_device().title, {}).get(backbone, {}).get(_key(image_size, behind))
    )
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
