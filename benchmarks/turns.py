"""Ways that go on from where their last turn ended: each in a process of its own, whose peak memory is its own too."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT, CommandFailed, peak_mb


@dataclass(frozen=True)
class Ended:
    peak_mb: float
    gpu_mb: float | None = None
    """Of the tensors on a GPU, where there is one."""


class Apart:
    """`python -m MODULE ARGUMENTS`, which calls `benchmarks.peers.answering.answer_turns`."""

    def __init__(
        self,
        python: Path,
        module: str,
        arguments: Sequence[str],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._command = " ".join([module, *arguments])
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self) -> Any:
        """What its next turn gives."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which reading tells better
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        return self._read()

    def end(self) -> Ended:
        assert self._process.stdin is not None
        self._process.stdin.close()
        ended = Ended(**self._read())
        self._process.wait()
        return ended

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CommandFailed(
                f"{self._command} ended with {self._process.wait()}; it said why above."
            )
        return json.loads(line)


class Here:
    """The same in this process: to see quickly whether it works."""

    def __init__(self, turns: Iterator[Any]) -> None:
        self._turns = turns

    def __call__(self) -> Any:
        return next(self._turns)

    def end(self) -> Ended:
        return Ended(peak_mb())
