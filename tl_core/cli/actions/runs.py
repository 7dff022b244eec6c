"""Listing runs, showing one, asking its model."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rich.table import Column, Table

from tl_core.cli.actions.workspaces import open_and_tidy
from tl_core.cli.output import frozen_words, out, print_json, print_run, run_json
from tl_core.errors import TransferLabError
from tl_core.predictor import Predictor
from tl_core.workspace import open_workspace


def list_runs(as_json: bool) -> None:
    found = open_and_tidy().store.list_runs()
    if as_json:
        return print_json(list(map(run_json, found)))
    table = Table(
        Column("run", no_wrap=True),
        "state",
        Column("dataset", overflow="fold"),
        Column("backbone", overflow="fold"),
        "frozen",
        "test accuracy",
        "n",
    )
    for run in found:
        model, result = run.config.model, run.result
        figures = (f"{result.accuracy:.1%}", str(result.n)) if result else ("", "")
        table.add_row(run.id, run.state, run.dataset_name, model.backbone, frozen_words(model), *figures)
    out.print(table)


def show(run_id: str, as_json: bool) -> None:
    store = open_and_tidy().store
    run = store.get_run(run_id)
    if as_json:
        return print_json({**run_json(run), "metrics": [dataclasses.asdict(p) for p in store.list_metrics(run.id)]})
    print_run(run)


def predict(run_id: str, images: Sequence[Path], top: int, as_json: bool) -> None:
    predictor = Predictor.of_run(open_workspace(), run_id)
    answers = predictor.predict([(str(path), path) for path in images], top)
    if as_json:
        ranked = [[{"class": name, "confidence": confidence} for name, confidence in a.top] for a in answers]
        print_json(
            [{"image": a.name, "top": r, "error": a.error or None} for a, r in zip(answers, ranked, strict=True)]
        )
    else:
        for answer in (answer for answer in answers if answer.top):
            out.print(f"{answer.name}: " + ", ".join(f"{name} {confidence:.1%}" for name, confidence in answer.top))
    if unusable := [f"{answer.name}: {answer.error}" for answer in answers if answer.error]:
        raise TransferLabError(" ".join(unusable))
