"""What a run has to show or to give: charts, its report, what was exported, its model's answers."""

import re
from collections.abc import Callable
from functools import cache

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from tl_core.charts import MatrixView
from tl_core.report import report_html
from tl_core.runs.predictor import Predictors
from tl_core.serving import NO_KEY, Asking, Refused, bearer, describe, is_key
from tl_ui.routes.area import Area, NotFound, Served, answering, packed_or_plain
from tl_ui.routes.charts import Payload, RunCharts
from tl_ui.tokens import TokenRefused

_FORMATS = re.compile(r"[a-z0-9-]{1,64}")


class OfRuns(Area):
    """Tokens are signed for "run", "export" or "predict" and a run's id; or for "comparison", a fact of its runs."""

    def __init__(
        self, get_workspace: Callable[[], Served], get_predictors: Callable[[], Predictors]
    ) -> None:
        super().__init__(get_workspace)
        self._charts = cache(lambda: RunCharts(get_workspace().store))
        self._reporters = cache(lambda: CapacityLimiter(1))
        self._asking = Asking(get_predictors)

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/api/runs/{run_id}/charts/{kind}", answering(self.chart)),
            Route(
                "/api/comparisons/{comparison_id}/charts/{kind}", answering(self.comparison_chart)
            ),
            Route("/api/runs/{run_id}/report", answering(self.report)),
            Route("/api/runs/{run_id}/export-{formats}.zip", answering(self.export)),
            Route("/api/runs/{run_id}/predict", answering(self.predict), methods=["POST"]),
            Route("/api/openapi.json", answering(self.openapi)),
        ]

    async def chart(self, request: Request) -> Response:
        run_id = request.path_params["run_id"]
        await self.demand(request, "run", run_id)
        view = MatrixView.from_query(request.query_params)

        def get() -> Payload:
            return self._charts().get(run_id, request.path_params["kind"], view)

        return _figure(request, await to_thread.run_sync(get))

    async def comparison_chart(self, request: Request) -> Response:
        comparison_id, kind = request.path_params["comparison_id"], request.path_params["kind"]
        await self.demand(request, "comparison", comparison_id)
        return _figure(
            request, await to_thread.run_sync(lambda: self._charts().compare(comparison_id, kind))
        )

    async def report(self, request: Request) -> Response:
        run_id = request.path_params["run_id"]
        await self.demand(request, "run", run_id)
        store, artifacts = self.workspace().store, self.workspace().artifacts
        page = await to_thread.run_sync(
            report_html, store, artifacts, run_id, limiter=self._reporters()
        )
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="report-{run_id}.html"',
        }
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    async def export(self, request: Request) -> Response:
        run_id, formats = request.path_params["run_id"], request.path_params["formats"]
        await self.demand(request, "export", run_id)
        run = await to_thread.run_sync(self.workspace().store.get_run, run_id)
        file = self.workspace().artifacts.run_folder(run.id) / f"export-{formats}.zip"
        if not _FORMATS.fullmatch(formats) or not await to_thread.run_sync(file.is_file):
            raise NotFound("There is no such file any more. Reload the page and make it again.")
        return FileResponse(
            file, filename=f"transferlab-{run.id}.zip", headers={"Cache-Control": "no-store"}
        )

    async def predict(self, request: Request) -> Response:
        """A run's model asked about images from outside, by whom a page or the operator has given a key."""
        run_id, given = request.path_params["run_id"], bearer(request)
        key = self.workspace().settings.api_key
        if not (key and is_key(given, key)):
            try:
                if await self.subject(request, "predict", given) != run_id:
                    raise TokenRefused
            except TokenRefused:
                raise Refused(NO_KEY, 403) from None
        return await self._asking.answer(
            request, await to_thread.run_sync(self.workspace().store.get_run, run_id)
        )

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(describe())


def _figure(request: Request, payload: Payload) -> Response:
    """A chart, or the word that it is the one the reader has."""
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if request.query_params.get("version") == payload.version:
        return Response(status_code=204, headers=headers)
    return packed_or_plain(request, payload.body, payload.packed, "application/json", headers)
