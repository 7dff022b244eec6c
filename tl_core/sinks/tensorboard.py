"""Sink that writes TensorBoard event files, one folder per run."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import indent
from typing import Any

from tl_core.records import MetricPoint, Run


class TensorBoard:
    """Writes learning curves by step and the settings as text. Needs the package `tensorboard`."""

    name = "TensorBoard"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def start(self, run: Run) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self._folder / run.id))
        config = json.dumps(run.config.model_dump(mode="json"), indent=2, ensure_ascii=False)
        # TensorBoard renders text as Markdown, where indented lines are code.
        self._writer.add_text("config", indent(config, " " * 4))

    def write(self, points: Sequence[MetricPoint]) -> None:
        for point in points:
            self._writer.add_scalar(f"{point.split}/{point.name}", point.value, point.step)
        # The writer by itself flushes only every two minutes, too seldom to watch a run.
        self._writer.flush()

    def finish(self, run: Run) -> None:
        if run.result:
            for name, value in asdict(run.result).items():
                self._writer.add_scalar(f"test/{name}", value, 0)
        self._writer.close()
