"""What the benchmarks share: taking turns, timing whole processes with their peak memory, and writing reports."""

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parent.parent
DATASETS = ROOT.parent / "shared" / "datasets"
DATA = DATASETS if DATASETS.is_dir() else None
STOPWATCH = Path(__file__).with_name("stopwatch.py")
PACKAGES = [
    "torch",
    "torchvision",
    "timm",
    "onnxruntime",
    "pillow",
    "numpy",
    "scikit-learn",
    "streamlit",
    "fastai",
]
NOTHING = "–"

T = TypeVar("T")

Cell = str | float | int | None


@dataclass(frozen=True)
class Options:
    tiny: bool = False
    """See whether it works: seconds, no network, and whatever is not installed is left out."""
    rounds: int = 5
    out: Path = ROOT / "benchmarks" / "results"
    data: Path | None = DATA
    """A folder of datasets, each a folder of class folders; without one, images are made up."""
    peers: Path = Path(sys.executable)
    """The Python that what we compare with is run by."""


@dataclass(frozen=True)
class Report:
    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    notes: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)
    """Every value that was measured, for JSON."""


@dataclass(frozen=True)
class Finished:
    seconds: float
    peak_mb: float
    """MiB of the process, or of the one of its children that had more."""
    output: str
    """What it wrote to standard output."""


class CommandFailed(Exception):
    """A command that was to be measured did not succeed; says how it ended and what it wrote."""


class CannotMeasure(Exception):
    """Something is missing on this machine; says what, and where it comes from."""


def take_turns(ways: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Each way once, then each once more, so that all of them see the same moods of the machine."""
    found: dict[str, list[T]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return found


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def run_command(
    argv: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Finished:
    """Run a whole process to its end, with `env` on top of our environment.

    A small process in between starts it and takes the time: Linux counts the memory of whoever starts a process as
    that process's own. Raises CommandFailed with what it wrote.
    """
    measured_read, measured_write = os.pipe()
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-S", STOPWATCH, str(measured_write), *argv],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            pass_fds=[measured_write],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        os.close(measured_write)
        measured_write = -1
        measured = os.read(measured_read, 1024)
    finally:
        os.close(measured_read)
        if measured_write >= 0:
            os.close(measured_write)
    if ended.returncode:
        command = " ".join(map(str, argv))
        raise CommandFailed(
            f"{command} ended with "
            f"{ended.returncode}:\n{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}"
        )
    return Finished(output=ended.stdout, **json.loads(measured))


def peak_mb() -> float:
    """The most memory this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 2**10
    )


def has_modules(python: Path, *names: str) -> bool:
    """Whether that interpreter finds all of these modules."""
    code = (
        f"import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, {names!r})))"
    )
    return subprocess.run([python, "-c", code], cwd=ROOT, check=False).returncode == 0


def versions_of(python: Path) -> str:
    """The packages that matter, as that interpreter has them: "torch 2.14.1, …"."""
    code = f"""
from importlib.metadata import PackageNotFoundError, version
for name in {PACKAGES!r}:
    try:
        print(name, version(name))
    except PackageNotFoundError:
        pass
"""
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return ", ".join(asked.stdout.splitlines())


def machine() -> dict[str, str]:
    """What was measured on: hardware and versions."""
    return {
        "cpu": _cpu(),
        "cores": str(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        ),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "gpu": _gpu(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: found for name in PACKAGES if (found := _version(name))},
    }


def as_markdown(report: Report) -> str:
    numeric = [
        any(isinstance(row[i], int | float) for row in report.rows)
        for i in range(len(report.columns))
    ]
    lines = [
        _line(report.columns),
        _line("---:" if is_number else "---" for is_number in numeric),
        *(_line(map(_shown, row)) for row in report.rows),
    ]
    about = ", ".join(f"{name} {value}" for name, value in machine().items() if value)
    notes = [f"- {note}" for note in report.notes]
    return "\n".join(
        [
            f"# {report.title}",
            "",
            *lines,
            "",
            *notes,
            *([""] if notes else []),
            f"Machine: {about}.",
            "",
        ]
    )


def write(report: Report, out: Path) -> None:
    """Keep the report as `out/NAME.json`, with everything, and as `out/NAME.md`, to be read."""
    out.mkdir(parents=True, exist_ok=True)
    everything = {
        **asdict(report),
        "machine": machine(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (out / f"{report.name}.json").write_text(
        json.dumps(everything, indent=1, default=str) + "\n", "utf-8"
    )
    (out / f"{report.name}.md").write_text(as_markdown(report), "utf-8")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(cell: Cell) -> str:
    """Three digits of a number, more before the point."""
    if cell is None:
        return NOTHING
    if isinstance(cell, float):
        return f"{cell:,.{0 if abs(cell) >= 100 else 1 if abs(cell) >= 10 else 2 if abs(cell) >= 1 else 3}f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    program = shutil.which("nvidia-smi")
    if not program:
        return ""
    ask = [program, "--query-gpu=name", "--format=csv,noheader"]
    ended = subprocess.run(ask, capture_output=True, text=True, check=False)
    return ", ".join(ended.stdout.split("\n")).strip(", ") if not ended.returncode else ""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
