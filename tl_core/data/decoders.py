"""Decoding of images in child processes that may die, under limits on memory and time.

An image whose decoder crashes, hangs or swallows memory costs that image alone: whoever asked gets
a sentence, and the next image a new child.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import psutil
from PIL import Image

from tl_core.data.copies import Outline
from tl_core.data.decoding import Span
from tl_core.data.file_types import EXTENSIONS
from tl_core.data.images import LONGEST_SIDE
from tl_core.data.threads import importing_workers
from tl_core.errors import ImageUnusable
from tl_core.records import Levels
from tl_core.sandbox import Allowance, Answer, Child, ChildDied, Refusal

Source = Path | BinaryIO | bytes

_BYTES_PER_PIXEL = 32
"""Memory for one pixel: images with 16 bits a sample are held several times while they are read."""
_LEAST_MEMORY = 2**29
_CPU_SECONDS = 60.0
_WALL_SECONDS = 300.0
"""Longest time for one image. The largest of any format take up to half a minute of computing."""
_BLOATED = 2**29
"""Memory of a child, in bytes, from which it is replaced after an image."""
_EXTENSIONS = frozenset(EXTENSIONS.values())
_REASONS = {
    "time": "Decoding it takes more time than an image may, so it is left out. Make it "
    "smaller, or save it again as JPEG or PNG.",
    "memory": "Decoding it takes more memory than an image may, so it is left out. Make it "
    "smaller, or save it again as JPEG or PNG.",
    "killed": "Its decoder was ended by the system, perhaps because memory ran out, so it is left "
    "out. Make it smaller, or save it again as JPEG or PNG.",
    "crashed": "Its decoder crashed on it, so it is left out: it is damaged, or made to do harm. "
    "Save it again as JPEG or PNG.",
}
"""Sentence for each way in which a child ends over an image."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Facts of an image that an import needs."""

    extension: str
    width: int
    height: int
    """Sides of the upright image at full size, in pixels."""
    span: Span | None
    """Range of the samples, if they have more than 8 bits."""
    outline: Outline
    thumbnail: bytes
    """WebP file."""


class Decoders:
    """Pool of children that decode; several threads may use it at once, and wait for their turn."""

    def __init__(
        self,
        n: int,
        module: str = "tl_core.data.decoder_child",
        cpu_seconds: float = _CPU_SECONDS,
        wall_seconds: float = _WALL_SECONDS,
    ) -> None:
        """
        Args:
            n: number of children, started when they are first needed.
            module: program that the children run.
            cpu_seconds: longest time of computing for one image.
            wall_seconds: longest time for one image by the clock.
        """
        self._module = module
        self._cpu_seconds = cpu_seconds
        self._wall_seconds = wall_seconds
        self._turns = threading.Semaphore(n)
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        # A forked process must not talk to its parent's children.
        self._pid = os.getpid()

    def take_in(self, source: Source, max_pixels: int) -> TakenIn:
        """Decode an image as far as an import needs it, to its end.

        Raises:
            ImageUnusable: the bytes are no usable image; the message gives the reason.
        """
        answer = self._ask("take in", source, max_pixels)
        message = answer.message
        with _checking():
            width, height = _size(message, max_pixels)
            if message["extension"] not in _EXTENSIONS:
                raise ValueError(message["extension"])
            outline = bytes.fromhex(message["outline"])
            span = None if message["span"] is None else Span(*message["span"])
            following = bytes(answer.following)
            return TakenIn(message["extension"], width, height, span, outline, following)

    def draw_thumbnail(
        self, source: Source, max_pixels: int, levels: Levels | None
    ) -> tuple[bytes, Outline]:
        """Return the thumbnail of an image, as WebP, and its outline.

        Raises:
            ImageUnusable: as `take_in`.
        """
        answer = self._ask("draw thumbnail", source, max_pixels, levels=levels)
        with _checking():
            return bytes(answer.following), bytes.fromhex(answer.message["outline"])

    def digest(self, source: Source, max_pixels: int, levels: Levels | None) -> str:
        """Return `copies.digest_of` an image's pixels.

        Raises:
            ImageUnusable: as `take_in`.
        """
        answer = self._ask("digest", source, max_pixels, levels=levels)
        with _checking():
            return str(answer.message["digest"])

    def decode(
        self,
        source: Source,
        max_pixels: int,
        *,
        draft_side: int | None = None,
        levels: Levels | None = None,
        longest: int | None = None,
    ) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return the pixels of an image, as `images.open_rgb` decodes them.

        Args:
            longest: side to which the image is reduced before it leaves the child.

        Returns:
            uint8 [height, width, 3], in memory that goes back to the system with the array.

        Raises:
            ImageUnusable: as `take_in`.
        """
        answer = self._ask(
            "decode", source, max_pixels, draft_side=draft_side, levels=levels, longest=longest
        )
        with _checking():
            width, height = _size(answer.message, max_pixels)
            return np.frombuffer(answer.following, np.uint8).reshape(height, width, 3)

    def small(
        self, source: Source, max_pixels: int, longest: int, levels: Levels | None = None
    ) -> Image.Image:
        """Return an image reduced to at most `longest` pixels a side.

        Raises:
            ImageUnusable: as `take_in`.
        """
        # A draft has at least twice the side asked for.
        pixels = self.decode(
            source, max_pixels, draft_side=(longest + 1) // 2, levels=levels, longest=longest
        )
        return Image.fromarray(pixels)

    def encode(
        self,
        source: Source,
        max_pixels: int,
        longest: int,
        format: Literal["WEBP", "JPEG"],
        levels: Levels | None = None,
        **options: int,
    ) -> bytes:
        """Return an image reduced to at most `longest` pixels a side, as a file for a browser.

        Args:
            options: of Pillow's encoder.

        Raises:
            ImageUnusable: as `take_in`.
        """
        answer = self._ask(
            "encode",
            source,
            max_pixels,
            longest=longest,
            format=format,
            levels=levels,
            options=options,
        )
        return bytes(answer.following)

    def count_pixels(self, source: Source, max_pixels: int) -> int:
        """Return the number of pixels in an image's header; 0 if it cannot be used."""
        try:
            message = self._ask("measure", source, max_pixels).message
            with _checking():
                width, height = _size(message, max_pixels)
        except ImageUnusable:
            return 0
        return width * height

    def why_no_image(self, source: Source, max_pixels: int) -> str:
        """Explain from its header why a file cannot be used as an image; empty if it may be one."""
        try:
            return str(self._ask("explain", source, max_pixels).message.get("reason", ""))
        except ImageUnusable as error:
            return str(error)

    def close(self) -> None:
        """End the children that have nothing to do; later work starts others."""
        with self._lock:
            children = self._idle
            self._idle = []
        for child in children:
            child.close()

    def _ask(self, name: str, source: Source, max_pixels: int, **arguments: Any) -> Answer:
        arguments["max_pixels"] = max_pixels
        allowance = self._allowance(max_pixels)
        # The system may end an innocent one for want of memory; an image that is to blame for that
        # ends a second one, too.
        for is_last in (False, True):
            try:
                with self._borrowed() as child:
                    return child.ask(name, arguments, source, allowance)
            except Refusal as refusal:
                raise ImageUnusable(str(refusal)) from None
            except OSError as error:
                raise ImageUnusable(f"It cannot be read: {error.strerror}.") from error
            except ChildDied as died:
                if is_last or died.reason != "killed":
                    raise ImageUnusable(_REASONS[died.reason]) from died
        raise AssertionError

    def _allowance(self, max_pixels: int) -> Allowance:
        # However large images may be, half of the machine is left to others.
        memory = min(_BYTES_PER_PIXEL * max_pixels, _memory_of_machine() // 2)
        return Allowance(
            memory=max(_LEAST_MEMORY, memory),
            cpu_seconds=self._cpu_seconds,
            wall_seconds=self._wall_seconds,
            answer_bytes=3 * max_pixels + 2**20,
        )

    @contextmanager
    def _borrowed(self) -> Iterator[Child]:
        with self._turns:
            child = self._take()
            try:
                yield child
            except Refusal:
                self._give_back(child)
                raise
            except BaseException:
                child.close()
                raise
            self._give_back(child)

    def _take(self) -> Child:
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._idle = []
            while self._idle:
                # The one that was used last, whose memory is at hand.
                child = self._idle.pop()
                if not child.has_ended:
                    return child
                child.close()
        return Child(self._module)

    def _give_back(self, child: Child) -> None:
        if child.is_larger_than(_BLOATED):
            child.close()
            return
        with self._lock:
            self._idle.append(child)


@cache
def get_decoders() -> Decoders:
    """Return the children of this process."""
    return Decoders(importing_workers())


@cache
def _memory_of_machine() -> int:
    # It does not change, and the system takes a while to tell it.
    return int(psutil.virtual_memory().total)


@contextmanager
def _checking() -> Iterator[None]:
    """Turn an answer that makes no sense, as from a child that was taken over, into a refusal."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise ImageUnusable(_REASONS["crashed"]) from error


def _size(message: Any, max_pixels: int) -> tuple[int, int]:
    width = message["width"]
    height = message["height"]
    if not (type(width) is type(height) is int):
        raise TypeError("sides are whole numbers")
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
        raise ValueError("sides have limits")
    if width * height > max_pixels:
        raise ValueError("there are too many pixels")
    return width, height
