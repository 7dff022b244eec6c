"""Event files that TensorBoard reads: a folder a run."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tl_core.records import MetricPoint, Run


class TensorBoard:
    """Curves by step, and what was chosen and found as text. Needs the package `tensorboard`."""

    name = "TensorBoard"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def start(self, run: Run) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self._folder / run.id))
        chosen = json.dumps(run.config.model_dump(mode="json"), indent=2, ensure_ascii=False)
        self._writer.add_text(
            "config", "    " + chosen.replace("\n", "\n    ")
        )  # indented: code, not Markdown

    def write(self, points: Sequence[MetricPoint]) -> None:
        for point in points:
            self._writer.add_scalar(f"{point.split}/{point.name}", point.value, point.step)
        self._writer.flush()

    def finish(self, run: Run) -> None:
        if run.result:
            for name, value in asdict(run.result).items():
                self._writer.add_scalar(f"test/{name}", value, 0)
        self._writer.close()
