"""Images in a request's body, a model's answers as JSON; bounded in bytes, images, time and number."""

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO, cast

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tl_core.errors import TransferLabError
from tl_core.records import Run
from tl_core.runs.predictor import Answer, Predictors, answer_json

MAX_BYTES = 64 * 2**20
"""Of one request."""
MAX_IMAGES = 50
"""Of one request."""
MAX_TOP = 1000
_AT_ONCE, _UNDER_WAY = 2, 10
"""Requests whose images are answered at once, and that may be read or wait meanwhile."""
_SECONDS = 60
"""In which a request must have arrived."""


class Refused(TransferLabError):
    """A request that is not answered, with its HTTP status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Given:
    name: str
    file: BinaryIO


class Asking:
    """Answers requests to predict, for one process. Who may ask is for the caller to decide, before."""

    def __init__(self, get_predictors: Callable[[], Predictors]) -> None:
        self._predictors = get_predictors
        self._limiter = cache(
            lambda: CapacityLimiter(_AT_ONCE)
        )  # which an event loop must be running for
        self._under_way = 0

    async def answer(self, request: Request, run: Run) -> Response:
        """What the run's model says to each image of the request, in order.

        The body is one image as it is, or a form (multipart/form-data) with as many files as `MAX_IMAGES`.

        Raises:
            Refused: too large, too many, too slow, not images at all, or too much to do just now.
            RunNotReady: the run has no model.
        """
        top = _top(request)
        async with self._place(), _given(request) as given:
            files = [(one.name, one.file) for one in given]

            def ask() -> list[Answer]:
                return self._predictors().get(run).predict(files, top)

            answers = await to_thread.run_sync(ask, limiter=self._limiter())
        return _as_json(run, answers)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._under_way >= _UNDER_WAY:
            raise Refused("Many are asking just now. Try again in a few seconds.", 503)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1


def _as_json(run: Run, answers: list[Answer]) -> Response:
    content: dict[str, Any] = {
        "run_id": run.id,
        "answers": [answer_json(answer) for answer in answers],
    }
    if any(answer.top for answer in answers):
        return JSONResponse(content)
    return JSONResponse({"error": f"{answers[0].name}: {answers[0].error}", **content}, 422)


def _top(request: Request) -> int:
    text = request.query_params.get("top", "5")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_TOP):
        raise Refused(
            f"top: {text[:40]!r} is not possible; give a number from 1 to {MAX_TOP}.", 400
        )
    return int(text)


@asynccontextmanager
async def _given(request: Request) -> AsyncIterator[list[_Given]]:
    """The images, in files that go when the block is left."""
    _check_length(request.headers.get("content-length", ""))
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    try:
        with anyio.fail_after(_SECONDS):
            form, given = await (_read_form(request) if is_form else _read_image(request))
    except TimeoutError:
        raise Refused(
            f"The images did not arrive within {_SECONDS} seconds. Send fewer at once.", 408
        ) from None
    try:
        yield given
    finally:
        for one in given:
            one.file.close()
        if form:
            await form.close()


def _check_length(text: str) -> None:
    if text.isascii() and text.isdigit() and int(text[:19]) > MAX_BYTES:
        raise _too_large()


def _too_large() -> Refused:
    return Refused(
        f"A request may have {MAX_BYTES // 2**20} MB; send fewer or smaller images.", 413
    )


async def _counted(request: Request) -> AsyncGenerator[bytes, None]:
    """The body, as long as it is not too long: the header may lie about that, or be missing."""
    n = 0
    async for chunk in request.stream():
        n += len(chunk)
        if n > MAX_BYTES:
            raise _too_large()
        yield chunk


async def _read_image(request: Request) -> tuple[None, list[_Given]]:
    file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=2**20))  # noqa: SIM115
    try:
        async for chunk in _counted(request):
            file.write(chunk)
        if not file.tell():
            raise Refused(
                "There is no image in the request: send one as its body, or several as a form.", 400
            )
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return None, [_Given("image", file)]


async def _read_form(request: Request) -> tuple[FormData, list[_Given]]:
    parser = MultiPartParser(
        request.headers, _counted(request), max_files=MAX_IMAGES, max_fields=MAX_IMAGES
    )
    try:
        form = await parser.parse()
    except (MultiPartException, HTTPException, KeyError, ValueError) as error:
        reason = (
            getattr(error, "message", "")
            or getattr(error, "detail", "")
            or "its parts cannot be told apart"
        )
        raise Refused(
            f"The form cannot be read: {reason}. It may have {MAX_IMAGES} files.", 400
        ) from error
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        await form.close()
        raise Refused(
            'There is no file in the form. Send each image as a file, such as curl -F "image=@cat.jpg".',
            400,
        )
    return form, [_Given(file.filename or "image", file.file) for file in files]
