"""Route through which programs get a run's predictions for images, described in OpenAPI."""

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from tl_core.cancellation import Stop
from tl_core.data.decoders import get_decoders
from tl_core.data.file_types import FORMATS_IN_WORDS
from tl_core.errors import Cancelled
from tl_core.records import Run
from tl_core.runs.predictor import Answer, Predictors, answer_json
from tl_core.serving.api import Error, Refused
from tl_core.serving.images import MAX_BYTES, MAX_IMAGES, Named, images_in
from tl_core.serving.turns import Turns
from tl_core.store import Store

_MAX_TOP = 1000
_SECONDS = 60.0
"""Time limit for the predictions of a request, asked between images."""
MAX_PIXELS = 400_000_000
"""Maximum number of pixels of all images of a request together; photos that have so many have more
bytes than a request may."""
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
    f"at most {MAX_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} megapixels. {FORMATS_IN_WORDS}.",
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
    429: {"model": Error, "description": "Too many requests with this key."},
    500: {"model": Error, "description": "Something went wrong on the server."},
    503: {"model": Error, "description": "Too many requests are waiting, or it took too long."},
}


class Served(Protocol):
    """Part of a workspace that predictions need."""

    @property
    def store(self) -> Store: ...


def asking_router(
    get_workspace: Callable[[], Served],
    get_predictors: Callable[[], Predictors],
    may_ask: Callable[[str, str], bool],
    *,
    is_key_demanded: bool = True,
) -> APIRouter:
    """Make the route `POST /api/runs/{run_id}/predict`.

    Args:
        may_ask: function from a key ("" without one) and a run's id to permission; called before
            anything is read.
        is_key_demanded: False where any key would do, so that requests are not counted by it.
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
        key: Key,
        top: Top = 5,
    ) -> dict[str, Any]:
        who = _who(request, key if is_key_demanded else None)
        answers = await asking.answer(request, who, run, top)
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


def _who(request: Request, key: HTTPAuthorizationCredentials | None) -> str:
    """Return by what requests are counted: key and address, since several may share a key."""
    address = request.client.host if request.client else ""
    # A digest, so that a long one takes no memory.
    return f"{address} {hashlib.sha256(key.credentials.encode()).hexdigest() if key else ''}"


class _Asking:
    """Predictions of one process, in turns."""

    def __init__(self, get_predictors: Callable[[], Predictors]) -> None:
        self._predictors = get_predictors
        self._turns = Turns()

    async def answer(self, request: Request, who: str, run: Run, top: int) -> list[Answer]:
        """Predict the images of the request, in order.

        Args:
            who: by what the request is counted.

        Raises:
            Refused: the images cannot be read, or too many requests are waiting.
            RunNotReady: the run has no model.
        """
        # A place first, so that requests beyond the limit are not even read; a turn only when they
        # are, so that a slow line keeps none from others.
        async with self._turns.place(who), images_in(request) as images:
            return await self._turns.run(who, lambda: self._predict(run, images, top))

    def _predict(self, run: Run, images: list[Named], top: int) -> list[Answer]:
        # Loading the model may take seconds, so it is done in the thread, too.
        predictor = self._predictors().get(run)
        _refuse_many_pixels(images, predictor.max_pixels)
        end = time.monotonic() + _SECONDS
        try:
            return predictor.predict(images, top, Stop(lambda: time.monotonic() > end))
        except Cancelled:
            raise Refused(
                f"The predictions took more than {_SECONDS:g} seconds. Send fewer images at once, "
                "or smaller ones.",
                503,
            ) from None


def _refuse_many_pixels(images: Sequence[Named], max_pixels: int) -> None:
    """Check how much there is to decode, by the headers, before anything is."""
    if len(images) == 1:
        return
    decoders = get_decoders()
    n_pixels = sum(decoders.count_pixels(file, max_pixels) for _, file in images)
    if n_pixels > max(MAX_PIXELS, max_pixels):
        raise Refused(
            f"The images of this request have {n_pixels:,} pixels together; the limit is "
            f"{max(MAX_PIXELS, max_pixels):,}. Send fewer at once, or smaller ones.",
            413,
        )
