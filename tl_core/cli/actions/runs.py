"""Listing runs, showing one, asking its model."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from tl_core.cli.actions.workspaces import open_and_tidy
from tl_core.cli.output import frozen_words, out, print_json, print_run, progress_bar, run_json
from tl_core.data.images import SUFFIXES
from tl_core.errors import TransferLabError
from tl_core.files import write_whole
from tl_core.runs.predictor import Answer, Predictor, answer_json, answers_csv
from tl_core.text import confidence
from tl_core.workspace import open_workspace

_AT_ONCE = 32
_MOST_NAMED = 20
"""Unusable images that the message names; a table has them all."""


def list_runs(as_json: bool) -> None:
    found = open_and_tidy().store.list_runs()
    if as_json:
        return print_json(list(map(run_json, found)))
    named = any(run.title for run in found)
    table = Table(
        Column("run", no_wrap=True),
        *([Column("name", overflow="fold")] if named else []),
        "state",
        Column("dataset", overflow="fold"),
        Column("backbone", overflow="fold"),
        "frozen",
        Column("right in test", no_wrap=True),
        box=SIMPLE_HEAD,  # a terminal is narrow
        padding=(0, 1, 0, 0),
    )
    for run in found:
        model, result = run.config.model, run.result
        right = f"{result.accuracy:.1%} of {result.n}" if result else ""
        name, frozen = [run.title] if named else [], frozen_words(model).removeprefix("stages ")
        table.add_row(run.id, *name, run.state, run.dataset_name, model.backbone, frozen, right)
    out.print(table)


def show(run_id: str, as_json: bool) -> None:
    store = open_and_tidy().store
    run = store.get_run(run_id)
    if as_json:
        return print_json(
            {
                **run_json(run),
                "metrics": [dataclasses.asdict(p) for p in store.list_metrics(run.id)],
            }
        )
    print_run(run)


def predict(run_id: str, given: Sequence[Path], top: int, to: Path | None, as_json: bool) -> None:
    predictor = Predictor.of_run(open_workspace(), run_id)
    answers = _ask(predictor, _images(given), top)
    if to is not None:
        _write(to, answers_csv(answers))
    if as_json:
        print_json([answer_json(answer) for answer in answers])
    elif to is not None:
        n = sum(bool(answer.top) for answer in answers)
        rest = ", and why the others cannot be used" if n < len(answers) else ""
        out.print(f"{to}: answers to {n} of {len(answers)} images{rest}.")
    else:
        for answer in (answer for answer in answers if answer.top):
            out.print(
                f"{answer.name}: "
                + ", ".join(f"{name} {confidence(sure)}" for name, sure in answer.top)
            )
    if to is None and (
        unusable := [f"{answer.name}: {answer.error}" for answer in answers if answer.error]
    ):
        raise TransferLabError(
            " ".join(unusable[:_MOST_NAMED]) + _and_more(len(unusable) - _MOST_NAMED)
        )


def _ask(predictor: Predictor, paths: Sequence[Path], top: int) -> list[Answer]:
    files = [(str(path), path) for path in paths]
    answers = []
    with progress_bar() as bar:
        task = bar.add_task("asking the model", total=len(files))
        for start in range(0, len(files), _AT_ONCE):
            answers += predictor.predict(files[start : start + _AT_ONCE], top)
            bar.update(task, completed=len(answers))
    return answers


def _images(given: Sequence[Path]) -> list[Path]:
    """Folders replaced by the files in them that are named as images, at any depth, in order.

    Raises:
        TransferLabError: there is none in a folder.
    """
    found = []
    for path in given:
        if not path.is_dir():
            found.append(path)
            continue
        walked = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
        inside = sorted(path for path in walked if path.suffix.lower().lstrip(".") in SUFFIXES)
        if not inside:
            raise TransferLabError(
                f"{path}: there is no file named as an image in it ({', '.join(sorted(SUFFIXES))})."
            )
        found += inside
    return found


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode("utf-8-sig"))  # with the mark that Excel tells UTF-8 by
    except OSError as error:
        raise TransferLabError(f"{path}: it cannot be written ({error.strerror}).") from error


def _and_more(n: int) -> str:
    return f" And {n} more." if n > 0 else ""
