"""Server for predictions alone, run by `transferlab serve`."""

from fastapi import FastAPI

from tl_core.runs.predictor import Predictors
from tl_core.serving.api import make_api
from tl_core.serving.asking import asking_router, is_key
from tl_core.workspace import Workspace


def make_app(workspace: Workspace, key: str | None) -> FastAPI:
    """Make a server that answers `POST /api/runs/{run_id}/predict` for every run with a model.

    Args:
        key: bearer token that requests must present; None allows all requests.
    """
    predictors = Predictors(workspace)

    def may_ask(candidate: str, run_id: str) -> bool:
        return key is None or is_key(candidate, key)

    api = make_api()
    api.include_router(
        asking_router(
            lambda: workspace, lambda: predictors, may_ask, is_key_demanded=key is not None
        )
    )
    return api
