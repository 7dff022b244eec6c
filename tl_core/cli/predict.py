"""Command `predict`, which classifies images with a run's model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from tl_core.cli.options import AsJson, RunId
from tl_core.cli.output import err, out, print_json, shown_progress
from tl_core.errors import ImageUnusable, TransferLabError
from tl_core.files import write_whole
from tl_core.memory import importing
from tl_core.text import confidence

if TYPE_CHECKING:
    from tl_core.runs.predictor import Answer, Predictor
    from tl_core.settings import Limits

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
    """Classify images with a run's model.

    Of a folder, files that are no usable images are left out and named; the exit code is 2 if a
    file that you name yourself cannot be used, or none can.
    """
    with importing():
        from tl_core.runs.predictor import Predictor, answer_json, answers_csv
        from tl_core.workspace import open_workspace

    workspace = open_workspace()
    predictor = Predictor.of_run(workspace, run)
    # A dataset has a largest number of files; predictions have none.
    limits = workspace.settings.limits.model_copy(update={"max_files": sys.maxsize})
    with ExitStack() as stack:
        asked = [file for path in images for file in _files(path, limits, stack)]
        answers = _predict(predictor, asked, top)
    if to is not None:
        _write(to, answers_csv(answers))
    if as_json:
        print_json([answer_json(answer) for answer in answers])
    elif to is None:
        _print(answers)
    else:
        n = sum(bool(answer.top) for answer in answers)
        rest = ", and why the others cannot be used" if n < len(answers) else ""
        out.print(f"{to}: predictions for {n} of {len(answers)} files{rest}.")
    _tell_unusable(asked, answers, to)


@dataclass(frozen=True, slots=True)
class _File:
    """File whose image is to be classified."""

    name: str
    """Its path. User text."""
    source: Path | Callable[[], BinaryIO]
    is_named: bool
    """True if the user named the file itself, and not a folder around it."""


def _files(path: Path, limits: Limits, stack: ExitStack) -> list[_File]:
    """Return the file, or the files of a folder as an import lists them, sorted.

    Raises:
        TransferLabError: the folder cannot be read or holds no files.
    """
    from tl_core.data.file_types import FORMATS_IN_WORDS
    from tl_core.data.folders import FolderSource
    from tl_core.data.sources import content_of

    if not path.is_dir():
        return [_File(str(path), path, is_named=True)]
    listing = stack.enter_context(FolderSource(path).open(limits))
    files = [
        _File(_path_of(path, entry.parts), partial(content_of, entry, limits), is_named=False)
        for entry in listing.entries
    ]
    files += [
        _File(_path_of(path, skipped.name.split("/")), partial(_refuse, skipped.reason), False)
        for skipped in listing.skipped
    ]
    if not files:
        raise TransferLabError(f"{path} contains no image files ({FORMATS_IN_WORDS}).")
    return sorted(files, key=lambda file: file.name)


def _path_of(folder: Path, parts: Sequence[str]) -> str:
    return str(folder.joinpath(*parts))


def _refuse(reason: str) -> BinaryIO:
    raise ImageUnusable(reason)


def _predict(predictor: Predictor, files: Sequence[_File], top: int) -> list[Answer]:
    named = [(file.name, file.source) for file in files]
    answers: list[Answer] = []
    with shown_progress("predicting") as show:
        for start in range(0, len(named), _BATCH):
            answers += predictor.predict(named[start : start + _BATCH], top)
            show(len(answers) / len(named))
    return answers


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


def _tell_unusable(files: Sequence[_File], answers: Sequence[Answer], to: Path | None) -> None:
    """Name the files without a prediction.

    Raises:
        TransferLabError: one of them was named by the user, or there is no prediction at all.
    """
    pairs = [pair for pair in zip(files, answers, strict=True) if pair[1].error]
    # The table has a column for the reasons.
    failed = [_reason(answer) for file, answer in pairs if file.is_named and to is None]
    if not any(answer.top for answer in answers):
        raise TransferLabError(" ".join(_some([_reason(answer) for _, answer in pairs])))
    if to is None:
        for line in _some([_reason(answer) for file, answer in pairs if not file.is_named]):
            err.print(f"left out {line}", soft_wrap=True)
    if failed:
        raise TransferLabError(" ".join(_some(failed)))


def _reason(answer: Answer) -> str:
    return f"{answer.name}: {answer.error}"


def _some(lines: list[str]) -> list[str]:
    n_more = len(lines) - _MOST_NAMED
    return lines[:_MOST_NAMED] + ([f"And {n_more} more."] if n_more > 0 else [])
