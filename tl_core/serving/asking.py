"""Route through which programs get a run's predictions for images, described in OpenAPI."""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Protocol

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from tl_core.data.file_types import FORMATS_IN_WORDS
from tl_core.records import Run
from tl_core.runs.predictor import Answer, Predictors, answer_json
from tl_core.serving.api import Error, Refused
from tl_core.serving.images import MAX_BYTES, MAX_IMAGES, images_in
from tl_core.store import Store

_MAX_TOP = 1000
_AT_ONCE = 2
"""Maximum number of requests that are predicted at once."""
_UNDER_WAY = 10
"""Maximum number of requests that are read, wait or are predicted at once."""
_NO_KEY = (
    "The key is missing, expired or for another model: "
    "send a key in the header Authorization: Bearer KEY."
)

_KEY = HTTPBearer(
    scheme_name="key",
    description="Key from the model's page in the app, valid for a day and for that model only; "
    "or the operator's key, TRANSFERLAB_API_KEY.",
    # FastAPI would refuse requests without a key, which a server may allow.
    auto_error=False,
)
Key = Annotated[HTTPAuthorizationCredentials | None, Depends(_KEY)]
Top = Annotated[
    int, Query(ge=1, le=_MAX_TOP, description="Number of classes to return for each image.")
]
_IMAGE = {"type": "string", "contentMediaType": "application/octet-stream"}
_FORM = {
    "type": "object",
    "additionalProperties": {"type": "array", "maxItems": MAX_IMAGES, "items": _IMAGE},
}
_BODY = {
    "required": True,
    "description": f"One image file, or a form with up to {MAX_IMAGES} files; "
    f"at most {MAX_BYTES // 2**20} MB. {FORMATS_IN_WORDS}.",
    "content": {
        "image/*": {"schema": _IMAGE},
        "application/octet-stream": {"schema": _IMAGE},
        "multipart/form-data": {"schema": _FORM},
    },
}


class ClassConfidence(BaseModel):
    """Class and the model's confidence in it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(alias="class")
    confidence: float = Field(ge=0, le=1)


class ImageAnswer(BaseModel):
    """Prediction for one image."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(description="Name of the file in the request, or 'image'.")
    top: list[ClassConfidence] = Field(
        description="Most likely classes, in descending order; empty if the image cannot be used."
    )
    error: str | None = Field(description="Reason why the image cannot be used, if it cannot.")


class Answers(BaseModel):
    """Predictions for all images of a request."""

    run_id: str
    answers: list[ImageAnswer]
    error: str = Field("", description="Present only if none of the images can be used.")


_FAILURES: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "The request cannot be read, or the run has no model."},
    403: {"model": Error, "description": "The key is missing or wrong."},
    404: {"model": Error, "description": "There is no such run."},
    408: {"model": Error, "description": "The images did not arrive in time."},
    413: {"model": Error, "description": "The request is too large."},
    422: {
        "model": Answers,
        "description": "None of the images can be used; the answers give the reasons.",
    },
    500: {"model": Error, "description": "Something went wrong on the server."},
    503: {"model": Error, "description": "Too many requests are waiting."},
}


class Served(Protocol):
    """Part of a workspace that predictions need."""

    @property
    def store(self) -> Store: ...


def asking_router(
    get_workspace: Callable[[], Served],
    get_predictors: Callable[[], Predictors],
    may_ask: Callable[[str, str], bool],
) -> APIRouter:
    """Make the route `POST /api/runs/{run_id}/predict`.

    Args:
        may_ask: function from a key ("" without one) and a run's id to permission; called before
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
        summary="Predict the class of one image or several",
        response_model=Answers,
        # Leaves `error` out of responses that have none.
        response_model_exclude_unset=True,
        response_description="Predictions, in the order of the images.",
        responses=_FAILURES,
        openapi_extra={"requestBody": _BODY},
    )
    async def predict(
        request: Request,
        response: Response,
        run: Annotated[Run, Depends(find_run)],
        top: Top = 5,
    ) -> dict[str, Any]:
        answers = await asking.answer(request, run, top)
        content = {"run_id": run.id, "answers": [answer_json(answer) for answer in answers]}
        if not any(answer.top for answer in answers):
            response.status_code = 422
            content["error"] = f"{answers[0].name}: {answers[0].error}"
        return content

    return router


def is_key(candidate: str, key: str) -> bool:
    """Compare two keys in constant time."""
    # compare_digest accepts any bytes, but of texts only ASCII.
    return hmac.compare_digest(candidate.encode(), key.encode())


class _Asking:
    """Predictions of one process, limited in the number of requests at work and waiting."""

    def __init__(self, get_predictors: Callable[[], Predictors]) -> None:
        self._predictors = get_predictors
        self._limiter = CapacityLimiter(_AT_ONCE)
        self._under_way = 0

    async def answer(self, request: Request, run: Run, top: int) -> list[Answer]:
        """Predict the images of the request, in order.

        Raises:
            Refused: the images cannot be read, or too many requests are waiting.
            RunNotReady: the run has no model.
        """
        # A place first, so that requests beyond the limit are not even read.
        async with self._place(), images_in(request) as images:

            def predict() -> list[Answer]:
                # Loading the model may take seconds, so it is done in the thread, too.
                return self._predictors().get(run).predict(images, top)

            # By default anyio allows 40 threads at once.
            return await to_thread.run_sync(predict, limiter=self._limiter)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        # Requests that wait hold their images, in memory or on disk.
        if self._under_way >= _UNDER_WAY:
            raise Refused("Too many requests are waiting. Try again in a few seconds.", 503)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
