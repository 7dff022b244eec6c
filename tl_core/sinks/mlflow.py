"""Sink that records runs in MLflow."""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from textwrap import indent
from typing import Any

from tl_core.presets import changed_settings
from tl_core.records import MetricPoint, Run, RunState
from tl_core.text import one_line, shorten, visible

_EXPERIMENT = "TransferLab"
_MAX_METRICS_PER_CALL = 1000
"""Limit of the MLflow server."""
_STATUS = {RunState.COMPLETED: "FINISHED", RunState.FAILED: "FAILED"}
"""MLflow status by run state; any other state is "KILLED"."""


class MLflow:
    """Logs settings, learning curves and test metrics. Needs `mlflow` or `mlflow-skinny`."""

    name = "MLflow"

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: Any = None
        self._run_id = ""

    def start(self, run: Run) -> None:
        # Imported here, since the package is optional.
        from mlflow import MlflowClient
        from mlflow.entities import Param

        # Standard output belongs to the command line, whose --json must stay parsable.
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        self._client = MlflowClient(tracking_uri=self._uri)
        experiment_id = self._get_or_create_experiment()
        tags = {
            "dataset": one_line(run.dataset_name),
            "transferlab.run": run.id,
            # MLflow renders it as Markdown, where indented lines are code.
            "mlflow.note.content": indent(visible(run.note), " " * 4),
        }
        name = one_line(run.title) or run.id
        self._run_id = self._client.create_run(experiment_id, tags=tags, run_name=name).info.run_id
        settings = {"dataset_id": run.config.data.dataset_id, "backbone": run.config.model.backbone}
        settings |= changed_settings(run.config)
        # Older servers refuse values of more than 500 characters.
        params = [Param(key, one_line(shorten(str(value), 500))) for key, value in settings.items()]
        self._client.log_batch(self._run_id, params=params)

    def _get_or_create_experiment(self) -> str:
        experiment = self._client.get_experiment_by_name(_EXPERIMENT)
        if experiment:
            return str(experiment.experiment_id)
        return str(self._client.create_experiment(_EXPERIMENT))

    def write(self, points: Sequence[MetricPoint]) -> None:
        self._log([(f"{p.split}/{p.name}", p.value, p.step) for p in points])

    def finish(self, run: Run) -> None:
        if run.result:
            self._log([(f"test/{name}", value, 0) for name, value in asdict(run.result).items()])
        self._client.set_terminated(self._run_id, _STATUS.get(run.state, "KILLED"))

    def _log(self, values: Sequence[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        # The MLflow server stores infinity as a huge finite number, which nobody measured.
        metrics = [
            Metric(key, float(value), now, step)
            for key, value, step in values
            if math.isfinite(value)
        ]
        for start in range(0, len(metrics), _MAX_METRICS_PER_CALL):
            chunk = metrics[start : start + _MAX_METRICS_PER_CALL]
            self._client.log_batch(self._run_id, metrics=chunk)
