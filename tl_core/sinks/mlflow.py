"""Runs in MLflow, by its own client."""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tl_core.presets import changed_settings
from tl_core.records import MetricPoint, Run, RunState
from tl_core.text import shorten

_EXPERIMENT = "TransferLab"
_AT_ONCE = 1000
"""Metrics that one call may bring, as the server has it."""
_STATUS = {RunState.COMPLETED: "FINISHED", RunState.FAILED: "FAILED"}
"""All others are "KILLED"."""


class MLflow:
    """Settings, curves and test figures. Needs the package `mlflow` or `mlflow-skinny`."""

    name = "MLflow"

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: Any = None
        self._run_id = ""

    def start(self, run: Run) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Param

        os.environ.setdefault(
            "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true"
        )  # that is where --json speaks
        self._client = MlflowClient(tracking_uri=self._uri)
        experiment = self._client.get_experiment_by_name(_EXPERIMENT)
        experiment_id = (
            experiment.experiment_id if experiment else self._client.create_experiment(_EXPERIMENT)
        )
        tags = {
            "dataset": run.dataset_name,
            "transferlab.run": run.id,
            "mlflow.note.content": run.note,
        }
        name = run.title or run.id
        self._run_id = self._client.create_run(experiment_id, tags=tags, run_name=name).info.run_id
        settings = {"dataset_id": run.config.data.dataset_id, "backbone": run.config.model.backbone}
        settings |= changed_settings(run.config)
        params = [Param(key, shorten(str(value), 500)) for key, value in settings.items()]
        self._client.log_batch(self._run_id, params=params)

    def write(self, points: Sequence[MetricPoint]) -> None:
        self._log([(f"{p.split}/{p.name}", p.value, p.step) for p in points])

    def finish(self, run: Run) -> None:
        if run.result:
            self._log([(f"test/{name}", value, 0) for name, value in asdict(run.result).items()])
        self._client.set_terminated(self._run_id, _STATUS.get(run.state, "KILLED"))

    def _log(self, values: Sequence[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        # Its server makes a huge number of infinity, which nobody has measured.
        metrics = [
            Metric(key, float(value), now, step)
            for key, value, step in values
            if math.isfinite(value)
        ]
        for start in range(0, len(metrics), _AT_ONCE):
            self._client.log_batch(self._run_id, metrics=metrics[start : start + _AT_ONCE])
