"""Import of 2,000 photos decoded in child processes that may die, and in the importing process.

Both do the same work, start-up of the children included. Processor time is that of all processes,
from the listing of the source until the children have ended. As photos repeat with other bytes,
each is decoded twice: at a reduced size for its thumbnail, and in full to tell copies apart.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from benchmarks.measuring import ROOT, Cell, Options, Report, median, run_command, take_turns
from tl_core.data.decoder_child import TASKS
from tl_core.data.decoders import Decoders, Source
from tl_core.data.folders import FolderSource
from tl_core.data.ingest import ingest_dataset
from tl_core.data.threads import importing_workers
from tl_core.data.zips import ZipSource
from tl_core.sandbox import Answer
from tl_core.settings import Limits

CHILDREN, HERE = "children", "the process itself"
Measured = dict[str, float]


class DecodersHere(Decoders):
    """Does what children would do in this process, without a limit on memory and time."""

    def _ask(self, name: str, source: Source, max_pixels: int, **arguments: Any) -> Answer:
        arguments["max_pixels"] = max_pixels
        with _opened(source) as file:
            message, following = TASKS[name](arguments, file)
        return Answer(message, memoryview(following))


def run(options: Options) -> Report:
    # It brings torch, which the process that imports photos would load, too.
    from benchmarks.ingest import make_sources

    with TemporaryDirectory() as scratch:
        sources = make_sources(Path(scratch), [30 if options.tiny else 2_000], options)
        found = {
            name: take_turns(
                {way: _turns_of(path, way, Path(scratch) / "homes") for way in (HERE, CHILDREN)},
                options.rounds,
            )
            for name, path in sources.items()
        }
    rows: list[tuple[Cell, ...]] = []
    for name, ways in found.items():
        for way, rounds in ways.items():
            seconds, user, system = (
                median(each[what] for each in rounds) for what in ("seconds", "user", "system")
            )
            # Of the same turn, since other programs slow both.
            pairs = zip(rounds, ways[HERE], strict=True)
            ratio = median(_processor(ours) / _processor(here) for ours, here in pairs)
            rows.append((name, way, seconds, user, system, ratio))
    columns = ("source", "decoded in", "seconds", "user, s", "system, s", "times in-process")
    notes = [f"Load average at the end: {os.getloadavg()[0]:.1f}."]
    return Report("decoders", "Import, decoded in children", columns, rows, notes, found)


def _turns_of(source: Path, way: str, homes: Path) -> Callable[[], Measured]:
    numbers = iter(range(sys.maxsize))

    def measure() -> Measured:
        into = homes / f"{source.name}, {way}, {next(numbers)}"
        # Otherwise the import would wait for files that were written before it.
        os.sync()
        command = (sys.executable, "-m", "benchmarks.decoders", way, source, into)
        measured: Measured = json.loads(run_command(command, cwd=ROOT).output)
        return measured

    return measure


def _opened(source: Source) -> BinaryIO:
    if isinstance(source, Path):
        return source.open("rb")
    return BytesIO(source) if isinstance(source, bytes) else source


def _processor(measured: Measured) -> float:
    return measured["user"] + measured["system"]


def measure_import(way: str, source: Path, into: Path) -> Measured:
    """Import a source; return seconds by the clock and of the processor, as user and system."""
    kind = DecodersHere if way == HERE else Decoders
    decoders = kind(importing_workers())
    opened = FolderSource(source) if source.is_dir() else ZipSource(source)
    started = time.perf_counter()
    before = _used()
    ingest_dataset(opened, into, name="photos", limits=Limits(), decoders=decoders)
    # What children took is known once they have ended.
    decoders.close()
    user, system = (now - then for now, then in zip(_used(), before, strict=True))
    return {"seconds": time.perf_counter() - started, "user": user, "system": system}


def _used() -> tuple[float, float]:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime for each in used), sum(each.ru_stime for each in used)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_import(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
