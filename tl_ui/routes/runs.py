"""Routes of a run: charts, report and exports.

Tokens are signed for "run" or "export" and a run's id, or for "comparison" and its id.
"""

import re
from contextlib import suppress
from functools import partial

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse

from tl_core.charts import MatrixView
from tl_core.errors import RunNotReady
from tl_core.report import report_html
from tl_core.workspace import Workspace
from tl_ui.routes.charts import Payload
from tl_ui.routes.packed import compressed_or_plain
from tl_ui.routes.shared import (
    GET_AND_HEAD,
    NotFound,
    ReaderState,
    Shared,
    SharedState,
    demand_model,
    demand_run,
    signed_for,
)

# Checked before the file is opened, since it is part of a path.
_FORMATS = re.compile(r"[a-z0-9-]{1,64}")

router = APIRouter()
_SEES_RUN = [signed_for("run", "run_id"), Depends(demand_run)]
_HAS_RUN = [signed_for("run", "run_id"), Depends(demand_model)]


@router.api_route("/api/runs/{run_id}/charts/{kind}", methods=GET_AND_HEAD, dependencies=_SEES_RUN)
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
    request: Request,
    comparison_id: str,
    kind: str,
    *,
    shared: SharedState,
    reader: ReaderState,
    version: str = "",
) -> Response:
    # Drawn for each person alone, of the runs that they may see.
    store = reader.workspace.store
    payload = shared.charts.compare(comparison_id, kind, store=store, person=reader.person)
    return _figure(request, payload, version)


@router.api_route("/api/runs/{run_id}/report", methods=GET_AND_HEAD, dependencies=_HAS_RUN)
async def report(run_id: str, shared: SharedState, reader: ReaderState) -> Response:
    make = partial(_report, run_id, shared, reader.workspace)
    # One report at a time: each takes a processor and the memory for its charts.
    page = await to_thread.run_sync(make, limiter=shared.reporters)
    headers = {"Content-Disposition": f'attachment; filename="report-{run_id}.html"'}
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


@router.api_route(
    "/api/runs/{run_id}/export-{formats}.zip",
    methods=GET_AND_HEAD,
    dependencies=[signed_for("export", "run_id"), Depends(demand_model)],
)
def export(run_id: str, formats: str, reader: ReaderState) -> Response:
    run = reader.workspace.store.get_run(run_id)
    file = reader.workspace.artifacts.run_folder(run.id) / f"export-{formats}.zip"
    if not _FORMATS.fullmatch(formats) or not file.is_file():
        raise NotFound("This file no longer exists. Reload the page and export again.")
    return FileResponse(file, filename=f"transferlab-{run.id}.zip")


def _report(run_id: str, shared: Shared, workspace: Workspace) -> str:
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
