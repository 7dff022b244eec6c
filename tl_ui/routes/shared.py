"""Objects that all routes share: the workspace, caches, limits and token checks."""

from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Protocol

from anyio import CapacityLimiter
from fastapi import Depends, Request

from tl_core.errors import TransferLabError
from tl_core.runs.predictor import Predictors
from tl_core.settings import Settings
from tl_core.store import Artifacts, Store
from tl_ui.data.uploads import Uploads, uploads_for
from tl_ui.heatmaps import Heats
from tl_ui.routes.charts import RunCharts
from tl_ui.tokens import Tokens

KEEP = {"Cache-Control": "private, max-age=86400, immutable"}
"""Headers of responses that a browser may cache for a day."""
GET_AND_HEAD = ["GET", "HEAD"]
"""Methods of read-only routes."""


class NotFound(TransferLabError):
    """There is no such file or route."""

    status = 404


class Served(Protocol):
    """Part of a workspace that the routes need."""

    @property
    def store(self) -> Store: ...

    @property
    def artifacts(self) -> Artifacts: ...

    @property
    def settings(self) -> Settings: ...


class Shared:
    """Objects that the routes of one app share; the first request opens the workspace."""

    def __init__(
        self, get_workspace: Callable[[], Served], get_predictors: Callable[[], Predictors]
    ) -> None:
        self._get_workspace = get_workspace
        self.get_predictors = get_predictors
        self.heats = Heats()
        self.reporters = CapacityLimiter(1)
        # Decoding takes memory, and a page may ask for many large images at once.
        self.decoders = CapacityLimiter(2)
        # Occlusion takes many passes through a model, which a training beside it would feel.
        self.explainers = CapacityLimiter(2)

    @property
    def workspace(self) -> Served:
        return self._get_workspace()

    @property
    def uploads(self) -> Uploads:
        return uploads_for(self.workspace.settings)

    @cached_property
    def charts(self) -> RunCharts:
        return RunCharts(self.workspace.store)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.workspace.settings.home)


async def _shared(request: Request) -> Shared:
    shared: Shared = request.app.state.shared
    return shared


SharedState = Annotated[Shared, Depends(_shared)]


def signed_for(purpose: str, parameter: str) -> Any:
    """Make a dependency that refuses requests without a valid token.

    Args:
        purpose: purpose that the token must be signed for, such as "run".
        parameter: path parameter with the subject that it must be signed for, such as "run_id".
    """

    async def demand(request: Request, shared: SharedState, token: str = "") -> None:
        shared.tokens.demand(purpose, token, request.path_params[parameter])

    return Depends(demand)
