"""Routes of a run: charts, report and exports.

Tokens are signed for "run" or "export" and a run's id, or for "comparison" and its id.
"""

import re
from contextlib import suppress

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from tl_core.charts import MatrixView
from tl_core.errors import RunNotReady
from tl_core.report import report_html
from tl_ui.routes.charts import Payload
from tl_ui.routes.packed import compressed_or_plain
from tl_ui.routes.shared import GET_AND_HEAD, NotFound, Shared, SharedState, signed_for

# Checked before the file is opened, since it is part of a path.
_FORMATS = re.compile(r"[a-z0-9-]{1,64}")

router = APIRouter()
_NEEDS_RUN_TOKEN = [signed_for("run", "run_id")]


@router.api_route(
    "/api/runs/{run_id}/charts/{kind}", methods=GET_AND_HEAD, dependencies=_NEEDS_RUN_TOKEN
)
def chart(
    request: Request, run_id: str, kind: str, shared: SharedState, version: str = ""
) -> Response:
    view = MatrixView.from_query(request.query_params)
    return _figure(request, shared.charts.get(run_id, kind, view), version)


@router.api_route(
    "/api/comparisons/{comparison_id}/charts/{kind}",
    methods=GET_AND_HEAD,
    dependencies=[signed_for("comparison", "comparison_id")],
)
def comparison_chart(
    request: Request, comparison_id: str, kind: str, shared: SharedState, version: str = ""
) -> Response:
    return _figure(request, shared.charts.compare(comparison_id, kind), version)


@router.api_route("/api/runs/{run_id}/report", methods=GET_AND_HEAD, dependencies=_NEEDS_RUN_TOKEN)
async def report(run_id: str, shared: SharedState) -> Response:
    # One report at a time: each takes a processor and the memory for its charts.
    page = await to_thread.run_sync(_report, run_id, shared, limiter=shared.reporters)
    headers = {"Content-Disposition": f'attachment; filename="report-{run_id}.html"'}
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


@router.api_route(
    "/api/runs/{run_id}/export-{formats}.zip",
    methods=GET_AND_HEAD,
    dependencies=[signed_for("export", "run_id")],
)
def export(run_id: str, formats: str, shared: SharedState) -> Response:
    run = shared.workspace.store.get_run(run_id)
    file = shared.workspace.artifacts.run_folder(run.id) / f"export-{formats}.zip"
    if not _FORMATS.fullmatch(formats) or not file.is_file():
        raise NotFound("This file no longer exists. Reload the page and export again.")
    return FileResponse(file, filename=f"transferlab-{run.id}.zip")


def _report(run_id: str, shared: Shared) -> str:
    workspace = shared.workspace
    predictor = None
    # A report without heat-maps is better than none.
    with suppress(RunNotReady):
        predictor = shared.get_predictors().get(workspace.store.get_run(run_id))
    return report_html(workspace.store, workspace.artifacts, run_id, predictor)


def _figure(request: Request, payload: Payload, version: str) -> Response:
    """Send a chart, or status 204 if the client already has this version."""
    headers = {"Vary": "Accept-Encoding"}
    if version == payload.version:
        return Response(status_code=204, headers=headers)
    return compressed_or_plain(request, payload.body, payload.packed, "application/json", headers)
