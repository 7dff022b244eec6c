"""Shared parts of the benchmarks: taking turns, timing processes with peak memory, reports."""

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
    """Check in seconds that it works, without a network and without the peers that are missing."""
    rounds: int = 5
    out: Path = ROOT / "benchmarks" / "results"
    data: Path | None = DATA
    """Folder of datasets, each a folder of class folders; None uses synthetic images."""
    peers: Path = Path(sys.executable)
    """Interpreter that runs the peers."""


@dataclass(frozen=True)
class Report:
    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    notes: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)
    """Every measured value, for JSON."""


@dataclass(frozen=True)
class Finished:
    seconds: float
    peak_mb: float
    """Peak memory in MiB, of the process or of its largest child."""
    output: str
    """Text on standard output."""


class CommandFailed(Exception):
    """Measured command that failed; says how it ended and what it wrote."""


class CannotMeasure(Exception):
    """Benchmark that cannot run here; says what is missing and how to get it."""


def take_turns(ways: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run each way once, then each once more, so that all see the same load of the machine."""
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
    """Run a process to its end, with `env` added to this environment.

    A small process in between starts it and measures: Linux counts the memory of the parent at the
    start as that of the child.

    Raises:
        CommandFailed: with the output of the command.
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
    """Return the peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 2**10
    )


def has_modules(python: Path, *names: str) -> bool:
    """Tell if the interpreter finds all of these modules."""
    code = (
        f"import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, {names!r})))"
    )
    return subprocess.run([python, "-c", code], cwd=ROOT, check=False).returncode == 0


def versions_of(python: Path) -> str:
    """Return the versions of the relevant packages in an interpreter: "torch 2.14.1, …"."""
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
    """Describe the hardware and the versions of the software."""
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
    hardware = ", ".join(f"{name} {value}" for name, value in machine().items() if value)
    notes = [f"- {note}" for note in report.notes]
    return "\n".join(
        [
            f"# {report.title}",
            "",
            *lines,
            "",
            *notes,
            *([""] if notes else []),
            f"Machine: {hardware}.",
            "",
        ]
    )


def write(report: Report, out: Path) -> None:
    """Save the report as `out/NAME.json`, with all values, and as `out/NAME.md`, to be read."""
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
    """Format a number with three significant digits, or more before the point."""
    if cell is None:
        return NOTHING
    if isinstance(cell, float):
        digits = sum(abs(cell) < limit for limit in (1, 10, 100))
        return f"{cell:,.{digits}f}"
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
