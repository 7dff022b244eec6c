"""Import of 5,000 photos as a folder and as a zip, twice: images per second and peak memory.

The whole command `ingest` is timed, with start-up, in a new home folder and then again in the same
one. A tenth of the images shows the cost of start-up, and whether memory grows with their number.
"""

import os
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.decode import make_photos
from benchmarks.measuring import (
    ROOT,
    Cell,
    Finished,
    Options,
    Report,
    median,
    run_command,
    take_turns,
)

CLASSES = 10
DIFFERENT = 100
"""Number of distinct photos; the other files repeat them with another comment and digest."""
ONCE, AGAIN = "once", "again"


def run(options: Options) -> Report:
    numbers = [30] if options.tiny else [500, 5_000]
    with TemporaryDirectory() as scratch:
        sources = make_sources(Path(scratch), numbers, options)
        # Homes are deleted at the end: some file systems are slow for minutes after a deletion.
        imports = {
            name: _Imports(path, Path(scratch) / "homes" / name) for name, path in sources.items()
        }
        found = take_turns(
            {name: each.once_and_again for name, each in imports.items()}, options.rounds
        )
    rows: list[tuple[Cell, ...]] = []
    for name, pairs in found.items():
        n = int(name.split()[-1])
        for place, when in enumerate((ONCE, AGAIN)):
            seconds = median(pair[place].seconds for pair in pairs)
            rows.append(
                (name, when, seconds, n / seconds, max(pair[place].peak_mb for pair in pairs))
            )
    raw = {
        name: [[replace(each, output="") for each in pair] for pair in pairs]
        for name, pairs in found.items()
    }
    columns = ("source", "when", "seconds", "images/s", "peak memory, MB")
    return Report("ingest", "Import of 500 x 375 JPEGs: the whole command", columns, rows, [], raw)


def make_sources(scratch: Path, numbers: Sequence[int], options: Options) -> dict[str, Path]:
    """Make folders and zips of class folders, by name."""
    make_photos(scratch / "photos", (500, 375), min(*numbers, DIFFERENT), 5, options.data)
    photos = [path.read_bytes() for path in sorted((scratch / "photos").iterdir())]
    sources: dict[str, Path] = {}
    for n in numbers:
        folder, packed = scratch / f"folder of {n}", scratch / f"zip of {n}.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(n):
                content = with_comment(photos[i % len(photos)], i)
                path = folder / f"class {i % CLASSES}" / f"{i}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                archive.writestr(str(path.relative_to(folder)), content)
        sources |= {folder.name: folder, packed.stem: packed}
    return sources


def with_comment(jpeg: bytes, number: int) -> bytes:
    """Return the same image with a comment, so that each number gives another digest."""
    comment = number.to_bytes(4, "big")
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


class _Imports:
    def __init__(self, source: Path, homes: Path) -> None:
        self._source = source
        self._homes = homes
        self._n_homes = 0

    def once_and_again(self) -> tuple[Finished, Finished]:
        self._n_homes += 1
        command: Callable[[], Finished] = partial(
            run_command,
            [sys.executable, "-m", "tl_core", "ingest", self._source, "--json"],
            env={
                "TRANSFERLAB_HOME": str(self._homes / str(self._n_homes)),
                "PYTHONPATH": str(ROOT),
            },
            cwd=ROOT,
        )
        # Otherwise the command would wait for files that were written before it.
        os.sync()
        return command(), command()
