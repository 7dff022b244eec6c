"""Command `predict`, which classifies images with a run's model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tl_core.cli.options import AsJson, RunId
from tl_core.cli.output import out, print_json, shown_progress
from tl_core.errors import TransferLabError
from tl_core.files import write_whole
from tl_core.memory import importing
from tl_core.text import confidence

if TYPE_CHECKING:
    from tl_core.runs.predictor import Answer, Predictor

_BATCH = 32
_MOST_NAMED = 20
"""Largest number of unusable images that the error message names."""


def predict(
    run: RunId,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE…", help="Image files, or folders of them.")
    ],
    top: Annotated[int, typer.Option(min=1, help="Number of classes to name.")] = 5,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write a table to this file instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Classify images with a run's model."""
    with importing():
        from tl_core.runs.predictor import Predictor, answer_json, answers_csv
        from tl_core.workspace import open_workspace

    predictor = Predictor.of_run(open_workspace(), run)
    answers = _predict(predictor, _images(images), top)
    if to is not None:
        _write(to, answers_csv(answers))
    if as_json:
        print_json([answer_json(answer) for answer in answers])
    elif to is None:
        _print(answers)
    else:
        n = sum(bool(answer.top) for answer in answers)
        rest = ", and why the others cannot be used" if n < len(answers) else ""
        out.print(f"{to}: predictions for {n} of {len(answers)} images{rest}.")
    # The table has a column for these reasons.
    if to is None:
        _raise_if_unusable(answers)


def _predict(predictor: Predictor, paths: Sequence[Path], top: int) -> list[Answer]:
    files = [(str(path), path) for path in paths]
    answers: list[Answer] = []
    with shown_progress("predicting") as show:
        for start in range(0, len(files), _BATCH):
            answers += predictor.predict(files[start : start + _BATCH], top)
            show(len(answers) / len(files))
    return answers


def _images(paths: Sequence[Path]) -> list[Path]:
    """Replace each folder by the files in it, at any depth, sorted.

    Raises:
        TransferLabError: a folder contains no files.
    """
    from tl_core.data.names import is_junk

    images = []
    for path in paths:
        if not path.is_dir():
            images.append(path)
            continue
        files = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
        inside = sorted(file for file in files if not is_junk(file.relative_to(path).parts))
        if not inside:
            raise TransferLabError(f"{path} contains no files.")
        images += inside
    return images


def _write(path: Path, text: str) -> None:
    try:
        # Excel recognises UTF-8 by the byte order mark.
        write_whole(path, text.encode("utf-8-sig"))
    except OSError as error:
        raise TransferLabError(f"{path} cannot be written: {error.strerror}.") from error


def _print(answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.top:
            classes = ", ".join(f"{name} {confidence(share)}" for name, share in answer.top)
            out.print(f"{answer.name}: {classes}")


def _raise_if_unusable(answers: Sequence[Answer]) -> None:
    unusable = [f"{answer.name}: {answer.error}" for answer in answers if answer.error]
    if unusable:
        n_more = len(unusable) - _MOST_NAMED
        more = f" And {n_more} more." if n_more > 0 else ""
        raise TransferLabError(" ".join(unusable[:_MOST_NAMED]) + more)
