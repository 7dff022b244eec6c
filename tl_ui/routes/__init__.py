"""HTTP routes of the app, beside Streamlit's pages and outside their sessions.

All below `/api` require a token, except `/api/health`, `/api/plotly.js` and `/api/openapi.json`.
"""

from collections.abc import Callable
from functools import cache

from fastapi import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tl_core.errors import TransferLabError
from tl_core.runs.predictor import Predictors
from tl_core.serving import asking_router, is_key, make_api
from tl_core.workspace import Workspace
from tl_ui.data.upload_batch import UploadIncomplete
from tl_ui.routes import classroom, packed, pictures, runs, uploading
from tl_ui.routes.shared import Shared


def make_routes(
    get_house: Callable[[], Workspace], get_predictors: Callable[[], Predictors] | None = None
) -> list[Route]:
    """Make all routes; the arguments are first called for the first request.

    Args:
        get_house: gives the workspace of the whole house, of which each request gets what the
            person who asks may use.
    """
    get_predictors = get_predictors or cache(lambda: Predictors(get_house()))
    shared = Shared(get_house, get_predictors)

    def may_ask(candidate: str, run_id: str) -> bool:
        # The operator's key opens every run, a page's token only the run it was signed for.
        key = shared.house.settings.api_key
        if key is not None and is_key(candidate, key):
            return True
        return _is_signed(shared, candidate, run_id)

    api = make_api()
    api.state.shared = shared
    api.add_exception_handler(UploadIncomplete, _incomplete)
    api.include_router(asking_router(get_house, get_predictors, may_ask))
    for part in (classroom, packed, pictures, runs, uploading):
        # Only predictions are an interface for others; these serve the app's own pages.
        api.include_router(part.router, include_in_schema=False)
    # A mount would cut `/api` off the path, but the routes' paths include it, as they do in
    # `transferlab serve`.
    return [Route("/api/{path:path}", api), Route("/data", _first_page)]


async def _first_page(request: Request) -> Response:
    """Lead to the Data page, which as the first page has no path of its own."""
    query = f"?{request.url.query}" if request.url.query else ""
    # Relative, so that it is right below any base path.
    return RedirectResponse(f"./{query}")


def _is_signed(shared: Shared, token: str, run_id: str) -> bool:
    """Tell if a page signed this key for the run, for a person who still may use its model."""
    try:
        # Programs send no cookie: who they ask for is in the key.
        signed = shared.tokens.read("predict", token)
        reader = shared.reader(signed.person_id)
        if signed.subject != run_id or reader.person.id != signed.person_id:
            return False
        reader.demand_model(run_id)
    except TransferLabError:
        return False
    return True


async def _incomplete(request: Request, error: UploadIncomplete) -> Response:
    return JSONResponse({"error": str(error), "missing": error.missing}, error.status)
