"""Ways that continue from turn to turn, each in its own process with its own peak memory."""

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
    """Peak memory of the tensors on the GPU, if there is one."""


class Apart:
    """Process `python -m MODULE ARGUMENTS` that calls `benchmarks.peers.answering.answer_turns`."""

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
        """Run the next turn and return its result."""
        assert self._process.stdin is not None
        # If the process has ended, reading reports it better.
        with suppress(BrokenPipeError):
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
                f"{self._command} ended with {self._process.wait()}; its error is above."
            )
        return json.loads(line)


class Here:
    """Way in this process, for a quick check."""

    def __init__(self, turns: Iterator[Any]) -> None:
        self._turns = turns

    def __call__(self) -> Any:
        return next(self._turns)

    def end(self) -> Ended:
        return Ended(peak_mb())
