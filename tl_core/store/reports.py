"""Metrics and predictions of runs in the database."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, delete, select

from tl_core.records import MetricPoint, Prediction
from tl_core.store.database import Database
from tl_core.store.tables import metrics, predictions, row_of, runs


class SqlReports(Database):
    """Part of the `Store` contract: metrics and predictions."""

    def append_metrics(self, run_id: str, points: Sequence[MetricPoint]) -> None:
        rows = [row_of(point, run_id=run_id) for point in points]
        with self.writing() as connection:
            # A run may be deleted before its last report, which would then violate the foreign key.
            if rows and _lock_existence(connection, run_id):
                connection.execute(self.insert_new(metrics), rows)

    def list_metrics(self, run_id: str, after: int = -1) -> list[MetricPoint]:
        return self._list_points(run_id, metrics.c.seq > max(after, -1))

    def list_preview(self, run_id: str) -> list[MetricPoint]:
        return self._list_points(run_id, metrics.c.seq < 0)

    def _list_points(self, run_id: str, which: ColumnElement[bool]) -> list[MetricPoint]:
        columns = [column for column in metrics.c if column is not metrics.c.run_id]
        query = select(*columns).where(metrics.c.run_id == run_id, which).order_by(metrics.c.seq)
        with self.reading() as connection:
            return [MetricPoint(**row._mapping) for row in connection.execute(query)]

    def drop_metrics(self, run_id: str, after_epoch: int) -> None:
        with self.writing() as connection:
            connection.execute(
                delete(metrics).where(metrics.c.run_id == run_id, metrics.c.epoch > after_epoch)
            )

    def put_predictions(
        self, run_id: str, split: str, epoch: int, predictions: Sequence[Prediction]
    ) -> None:
        values = {"epoch": epoch, **_pack(predictions)}
        row = self.insert(_predictions).values(run_id=run_id, split=split, **values)
        with self.writing() as connection:
            if _lock_existence(connection, run_id):
                connection.execute(
                    row.on_conflict_do_update(index_elements=["run_id", "split"], set_=values)
                )

    def list_predictions(self, run_id: str, split: str) -> tuple[int, list[Prediction]]:
        query = select(predictions).where(
            predictions.c.run_id == run_id, predictions.c.split == split
        )
        with self.reading() as connection:
            row = connection.execute(query).first()
        return (row.epoch, _unpack(row)) if row else (0, [])


_predictions = predictions
"""Table of predictions, for methods with an argument of that name."""


def _lock_existence(connection: Connection, run_id: str) -> bool:
    """Return whether the run exists, and prevent its deletion until the transaction ends."""
    # The weakest lock that prevents a deletion, so that updates of the run need not wait.
    query = select(runs.c.id).where(runs.c.id == run_id).with_for_update(read=True, key_share=True)
    return connection.execute(query).first() is not None


def _pack(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Pack predictions on a split into three little-endian arrays, the probabilities in float32."""
    # 10,000 images of 200 classes are one row of 8 MB, which is written much faster than one row
    # for each image.
    ordered = sorted(predictions, key=lambda prediction: prediction.position)
    # The byte order is explicit, because another kind of machine may read these bytes.
    positions = np.array([prediction.position for prediction in ordered], dtype="<i8")
    labels = np.array([prediction.true for prediction in ordered], dtype="<i8")
    probabilities = np.array([prediction.probabilities for prediction in ordered], dtype="<f4")
    return {
        # Without predictions the array has no second axis.
        "n_classes": probabilities.shape[1] if ordered else 0,
        "positions": positions.tobytes(),
        "labels": labels.tobytes(),
        "probabilities": probabilities.tobytes(),
    }


def positions_of(packed: bytes) -> list[int]:
    """Unpack the positions of predictions on a split."""
    positions: list[int] = np.frombuffer(packed, dtype="<i8").tolist()
    return positions


def _unpack(row: Row[Any]) -> list[Prediction]:
    positions = positions_of(row.positions)
    labels = np.frombuffer(row.labels, dtype="<i8").tolist()
    flat = np.frombuffer(row.probabilities, dtype="<f4")
    probabilities = flat.reshape(len(positions), row.n_classes).tolist()
    rows = zip(positions, labels, probabilities, strict=True)
    return [Prediction(position, label, tuple(values)) for position, label, values in rows]
