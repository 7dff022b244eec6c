"""Measured speed of networks on this machine, stored in a file for later processes."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tl_core.backbones import get_backbone
from tl_core.errors import UnknownBackbone
from tl_core.files import write_whole
from tl_core.training.device import pick_device

_FILE = "speeds.json"
_TRAINING = " training"
"""End of the key of measurements that include the backward pass."""
_MIN_IMAGES = 64
"""Images after the first batch that make a measurement reliable."""
_Speeds = dict[str, dict[str, dict[str, list[float]]]]
"""Seconds per image of each stage's forward pass, by device, backbone and image size. Keys such as
"224 behind 5" are older versions', and are not read."""


class Pace:
    """Stopwatch for the frozen prefix, which separates set-up time from time per image."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start = clock()
        self._first: tuple[float, int] | None = None
        """Time of the first report, and the images done by then."""
        self._last = self._start
        self.seen = 0

    def see(self, done: int) -> None:
        """Record that `done` images in total have passed."""
        self.seen = done
        self._last = self._clock()
        self._first = self._first or (self._last, done)

    def measured(self) -> dict[str, float] | None:
        """Return "seconds" per image and "start_seconds" before the first; None after too few."""
        if not self._first or self.seen - self._first[1] < _MIN_IMAGES:
            return None
        # The first batch includes set-up, so that the pace is measured behind it.
        first_time, first_done = self._first
        seconds = (self._last - first_time) / (self.seen - first_done)
        start_seconds = max(0.0, first_time - self._start - first_done * seconds)
        return {"seconds": seconds, "start_seconds": start_seconds}


def remember(
    home: Path, backbone: str, image_size: int, seconds: Sequence[float], *, training: bool = False
) -> None:
    """Store a measurement on this machine's device.

    Args:
        image_size: side in pixels.
        seconds: seconds per image of each stage's forward pass.
        training: the backward pass is included.
    """
    speeds = _read(home)
    sizes = speeds.setdefault(pick_device().title, {}).setdefault(backbone, {})
    sizes[f"{image_size}{_TRAINING * training}"] = list(seconds)
    # Not durable, and nothing fails for it: a lost measurement is simply repeated.
    with suppress(OSError):
        write_whole(home / _FILE, json.dumps(speeds, indent=1, sort_keys=True), durable=False)


def recall(
    home: Path, backbone: str, image_size: int, *, training: bool = False
) -> tuple[float, ...] | None:
    """Return what `remember` stored for this machine's device, or None."""
    sizes = _read(home).get(pick_device().title, {}).get(backbone, {})
    seconds = sizes.get(f"{image_size}{_TRAINING * training}")
    return tuple(seconds) if seconds else None


def measured_speeds(home: Path) -> dict[str, float]:
    """Return images per second in the forward pass, by backbone.

    Only measurements at the backbone's own image size on this machine's device count.
    """
    speeds = {}
    for name, sizes in _read(home).get(pick_device().title, {}).items():
        try:
            seconds = sizes.get(str(get_backbone(name).preprocessing.size))
        # Another version of the program may have measured it.
        except UnknownBackbone:
            continue
        if seconds and sum(seconds) > 0:
            speeds[name] = 1 / sum(seconds)
    return speeds


def _read(home: Path) -> _Speeds:
    """Return all measurements; none if the file is missing or damaged."""
    try:
        speeds: _Speeds = json.loads((home / _FILE).read_text("utf-8"))
    # Broken JSON and broken UTF-8 both raise kinds of ValueError.
    except (OSError, ValueError):
        return {}
    return speeds if isinstance(speeds, dict) else {}
