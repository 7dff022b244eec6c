"""Route by which programs ask a run's model about images; its answers are described in OpenAPI."""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Protocol

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from tl_core.records import Run
from tl_core.runs.predictor import Answer, Predictors, answer_json
from tl_core.serving.api import Error, Refused
from tl_core.serving.images import MAX_BYTES, MAX_IMAGES, images_in
from tl_core.store import Store

_MAX_TOP = 1000
_AT_ONCE = 2
"""Requests whose images are answered at once."""
_UNDER_WAY = 10
"""Requests that may be read, wait or be answered at once."""
_NO_KEY = (
    "The key is missing, too old, or for another model: "
    "send one as the header Authorization: Bearer KEY."
)

_KEY = HTTPBearer(
    scheme_name="key",
    description="A key from the app's page of the model, good for a day and that model; "
    "or the operator's own, TRANSFERLAB_API_KEY.",
    auto_error=False,
)
Key = Annotated[HTTPAuthorizationCredentials | None, Depends(_KEY)]
_IMAGE = {"type": "string", "contentMediaType": "application/octet-stream"}
_FORM = {
    "type": "object",
    "additionalProperties": {"type": "array", "maxItems": MAX_IMAGES, "items": _IMAGE},
}
_BODY = {
    "required": True,
    "description": f"One image as it is, or a form with up to {MAX_IMAGES} files; "
    f"at most {MAX_BYTES // 2**20} MB. JPEG, PNG, WebP, BMP, GIF or TIFF.",
    "content": {
        "image/*": {"schema": _IMAGE},
        "application/octet-stream": {"schema": _IMAGE},
        "multipart/form-data": {"schema": _FORM},
    },
}


class ClassConfidence(BaseModel):
    """A class and the model's confidence in it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(alias="class")
    confidence: float = Field(ge=0, le=1)


class ImageAnswer(BaseModel):
    """Answer to one image."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(description="The file's name as it was sent, or 'image'.")
    top: list[ClassConfidence] = Field(
        description="The likeliest classes first; empty where the image cannot be used."
    )
    error: str | None = Field(description="Why the image cannot be used.")


class Answers(BaseModel):
    """Answers to all images of a request."""

    run_id: str
    answers: list[ImageAnswer]
    error: str = Field("", description="Only where no image could be used.")


_FAILURES: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "The request cannot be read, or the run has no model."},
    403: {"model": Error, "description": "The key is missing or wrong."},
    404: {"model": Error, "description": "There is no such run."},
    408: {"model": Error, "description": "The images did not arrive in time."},
    413: {"model": Error, "description": "The request is too large."},
    422: {"model": Answers, "description": "None of the images can be used; the answers say why."},
    500: {"model": Error, "description": "Something went wrong in the server."},
    503: {"model": Error, "description": "Many are asking just now."},
}


class Served(Protocol):
    """Part of a workspace that answering needs."""

    @property
    def store(self) -> Store: ...


def asking_router(
    get_workspace: Callable[[], Served],
    get_predictors: Callable[[], Predictors],
    may_ask: Callable[[str, str], bool],
) -> APIRouter:
    """Make the route `POST /api/runs/{run_id}/predict`.

    Args:
        may_ask: whether a key, empty where none was brought, is good for a run's id; asked before
            anything is read.
    """
    asking = _Asking(get_predictors)
    router = APIRouter()

    def find_run(run_id: str, key: Key) -> Run:
        if not may_ask(key.credentials if key else "", run_id):
            raise Refused(_NO_KEY, 403)
        return get_workspace().store.get_run(run_id)

    @router.post(
        "/api/runs/{run_id}/predict",
        operation_id="predict",
        summary="Ask a run's model about one image or several",
        response_model=Answers,
        response_model_exclude_unset=True,
        response_description="The answers, in the order of the images.",
        responses=_FAILURES,
        openapi_extra={"requestBody": _BODY},
    )
    async def predict(
        request: Request,
        response: Response,
        run: Annotated[Run, Depends(find_run)],
        top: Annotated[
            int, Query(ge=1, le=_MAX_TOP, description="How many classes to name for each image.")
        ] = 5,
    ) -> dict[str, Any]:
        answers = await asking.answer(request, run, top)
        content = {"run_id": run.id, "answers": [answer_json(answer) for answer in answers]}
        if not any(answer.top for answer in answers):
            response.status_code = 422
            content["error"] = f"{answers[0].name}: {answers[0].error}"
        return content

    return router


def is_key(given: str, key: str) -> bool:
    """Compare two keys in a time that tells nothing about them."""
    return hmac.compare_digest(given.encode(), key.encode())


class _Asking:
    """Bounds how many requests to predict one process answers at once, and how many may wait."""

    def __init__(self, get_predictors: Callable[[], Predictors]) -> None:
        self._predictors = get_predictors
        self._limiter = CapacityLimiter(_AT_ONCE)
        self._under_way = 0

    async def answer(self, request: Request, run: Run, top: int) -> list[Answer]:
        """Ask the run's model about the images of the request, in order.

        Raises:
            Refused: the images cannot be read, or there is too much to do just now.
            RunNotReady: the run has no model.
        """
        async with self._place(), images_in(request) as images:

            def ask() -> list[Answer]:
                return self._predictors().get(run).predict(images, top)

            return await to_thread.run_sync(ask, limiter=self._limiter)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._under_way >= _UNDER_WAY:
            raise Refused("Many are asking just now. Try again in a few seconds.", 503)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
