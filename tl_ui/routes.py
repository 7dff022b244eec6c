"""The app's own HTTP routes, beside Streamlit's pages and outside their sessions: every one asks for a token.

Tokens are signed for "upload" (an upload's id), "dataset" (a dataset's id), "run", "predict" and "export" (a run's
id) or "comparison" (the fact of that name on its runs).
"""

import gzip
import hashlib
import io
import json
import logging
import re
from collections.abc import Awaitable, Callable
from functools import cache, partial, wraps
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from tl_core.charts.confusion import MatrixView
from tl_core.data.images import EXTENSIONS, open_rgb, thumbnail_path
from tl_core.errors import TransferLabError, UnknownDataset, UnknownRun
from tl_core.evaluation.explain import METHODS, Method
from tl_core.predictor import Predictors
from tl_core.records import Run
from tl_core.report import report_html
from tl_core.serving import NO_KEY, Asking, Refused, bearer, describe, is_key
from tl_core.settings import Settings
from tl_core.store.artifacts import Artifacts
from tl_core.store.contract import Store
from tl_ui.batches import UploadRefused
from tl_ui.heat import Drawn, Heats, Wanted, draw_heat
from tl_ui.run_charts import Payload, RunCharts, UnknownChart
from tl_ui.tokens import TokenRefused, Tokens
from tl_ui.uploads import uploads_for

FULL_IMAGE_SIDE = 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DATASET_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_FORMATS = re.compile(r"[a-z0-9-]{1,64}")
_PIECE_BYTES = 256 * 1024
"""A thread is asked to write no smaller piece of an upload than this, the last of a batch apart."""
_MAX_FINISH_BYTES = 10_000
_EXPLAINERS, _MOST_WAITING = 2, 60
"""Heat-maps that are made at once, and that may wait for it."""
_KEEP = "private, max-age=86400, immutable"
_PLOTLY_KEEP = "public, max-age=31536000, immutable"
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class Served(Protocol):
    """What the routes need of a workspace."""

    @property
    def store(self) -> Store: ...

    @property
    def artifacts(self) -> Artifacts: ...

    @property
    def settings(self) -> Settings: ...


class NotFound(TransferLabError):
    """There is no such file."""


def make_routes(
    get_workspace: Callable[[], Served], get_predictors: Callable[[], Predictors] | None = None
) -> list[Route]:
    """Everything under `/api`. What is given is first called when a request comes in."""
    api = _Api(get_workspace, get_predictors or cache(lambda: Predictors(get_workspace())))
    return [
        Route("/api/health", _answering(api.health)),
        Route("/api/plotly.js", _answering(api.plotly)),
        Route("/api/uploads/{token}/batch/{number:int}", _answering(api.take_batch), methods=["POST"]),
        Route("/api/uploads/{token}/finish", _answering(api.finish_upload), methods=["POST"]),
        Route("/api/uploads/{token}", _answering(api.drop_upload), methods=["DELETE"]),
        Route("/api/datasets/{dataset_id}/thumbnails/{sha256}", _answering(api.thumbnail)),
        Route("/api/datasets/{dataset_id}/images/{sha256}", _answering(api.image)),
        Route("/api/runs/{run_id}/charts/{kind}", _answering(api.chart)),
        Route("/api/runs/{run_id}/report", _answering(api.report)),
        Route("/api/runs/{run_id}/predict", _answering(api.predict), methods=["POST"]),
        Route("/api/openapi.json", _answering(api.openapi)),
        Route("/api/runs/{run_id}/heat/{sha256}", _answering(api.heat)),
        Route("/api/runs/{run_id}/export-{formats}.zip", _answering(api.export)),
        Route("/api/comparisons/{comparison_id}/charts/{kind}", _answering(api.comparison_chart)),
    ]


class _Api:
    def __init__(self, get_workspace: Callable[[], Served], get_predictors: Callable[[], Predictors]) -> None:
        self._workspace, self._predictors = get_workspace, get_predictors
        self._tokens = cache(lambda: Tokens(get_workspace().settings.home))
        self._charts = cache(lambda: RunCharts(get_workspace().store))
        # Decoding takes memory; a page full of large pictures must not take all of it.
        self._decoders = cache(lambda: CapacityLimiter(2))
        self._reporters = cache(lambda: CapacityLimiter(1))
        self._heats = Heats()
        self._asking = Asking(get_predictors)
        self._explainers = cache(lambda: CapacityLimiter(_EXPLAINERS))

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def plotly(self, request: Request) -> Response:
        body, packed, etag = await to_thread.run_sync(_plotly_js)
        headers = {"Cache-Control": _PLOTLY_KEEP, "ETag": etag, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return _packed_or_plain(request, body, packed, "text/javascript; charset=utf-8", headers)

    async def take_batch(self, request: Request) -> Response:
        upload_id = await self._subject(request, "upload", request.path_params["token"])
        upload = await to_thread.run_sync(self._uploads.get_or_open, upload_id)
        writer = upload.start_batch(request.path_params["number"])
        try:
            async for piece in _pieces(request):
                await to_thread.run_sync(writer.feed, piece)
            await to_thread.run_sync(writer.commit)
        finally:
            await to_thread.run_sync(writer.discard)
        return JSONResponse({"stored": True})

    async def finish_upload(self, request: Request) -> Response:
        upload_id = await self._subject(request, "upload", request.path_params["token"])
        batches, n_files, n_bytes = await _read_finish(request)
        upload = await to_thread.run_sync(self._uploads.get_or_open, upload_id)
        await to_thread.run_sync(upload.finish, batches, n_files, n_bytes)
        return JSONResponse({"upload_id": upload_id})

    async def drop_upload(self, request: Request) -> Response:
        upload_id = await self._subject(request, "upload", request.path_params["token"])
        await to_thread.run_sync(self._uploads.close, upload_id)
        return JSONResponse({"dropped": True})

    async def thumbnail(self, request: Request) -> Response:
        folder, sha256 = await self._picture(request)
        try:
            body = await to_thread.run_sync(thumbnail_path(folder, sha256).read_bytes)
        except FileNotFoundError:
            raise NotFound("There is no such picture.") from None
        return Response(body, media_type="image/webp", headers={"Cache-Control": _KEEP})

    async def image(self, request: Request) -> Response:
        folder, sha256 = await self._picture(request)
        limits = self._workspace().settings.limits
        body = await to_thread.run_sync(_jpeg, folder, sha256, limits.max_pixels, limiter=self._decoders())
        return Response(body, media_type="image/jpeg", headers={"Cache-Control": _KEEP})

    async def chart(self, request: Request) -> Response:
        run_id = request.path_params["run_id"]
        await self._demand(request, "run", run_id)
        view = MatrixView.from_query(request.query_params)

        def get() -> Any:
            return self._charts().get(run_id, request.path_params["kind"], view)

        return _figure(request, await to_thread.run_sync(get))

    async def report(self, request: Request) -> Response:
        run_id = request.path_params["run_id"]
        await self._demand(request, "run", run_id)
        store, artifacts = self._workspace().store, self._workspace().artifacts
        page = await to_thread.run_sync(report_html, store, artifacts, run_id, limiter=self._reporters())
        headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="report-{run_id}.html"'}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    async def export(self, request: Request) -> Response:
        run_id, formats = request.path_params["run_id"], request.path_params["formats"]
        await self._demand(request, "export", run_id)
        run = await to_thread.run_sync(self._workspace().store.get_run, run_id)
        file = self._workspace().artifacts.run_folder(run.id) / f"export-{formats}.zip"
        if not _FORMATS.fullmatch(formats) or not await to_thread.run_sync(file.is_file):
            raise NotFound("There is no such file any more. Reload the page and make it again.")
        return FileResponse(file, filename=f"transferlab-{run.id}.zip", headers={"Cache-Control": "no-store"})

    async def comparison_chart(self, request: Request) -> Response:
        comparison_id, kind = request.path_params["comparison_id"], request.path_params["kind"]
        await self._demand(request, "comparison", comparison_id)
        return _figure(request, await to_thread.run_sync(lambda: self._charts().compare(comparison_id, kind)))

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(describe())

    async def predict(self, request: Request) -> Response:
        """A run's model asked about images from outside, by whom a page or the operator has given a key."""
        run_id, given = request.path_params["run_id"], bearer(request)
        key = self._workspace().settings.api_key
        if not (key and is_key(given, key)):
            try:
                if await self._subject(request, "predict", given) != run_id:
                    raise TokenRefused
            except TokenRefused:
                raise Refused(NO_KEY, 403) from None
        return await self._asking.answer(request, await to_thread.run_sync(self._workspace().store.get_run, run_id))

    async def heat(self, request: Request) -> Response:
        """Where a run's model sees a class in one of its dataset's images."""
        run_id, sha256 = request.path_params["run_id"], request.path_params["sha256"]
        await self._demand(request, "run", run_id)
        if not _SHA256.fullmatch(sha256):
            raise NotFound("There is no such picture.")
        run = await to_thread.run_sync(self._workspace().store.get_run, run_id)
        wanted = Wanted(run.id, run.best_epoch, sha256, *_heat_query(request))
        drawn = self._heats.find(wanted)
        if drawn is None:
            if self._explainers().statistics().tasks_waiting >= _MOST_WAITING:
                raise Refused("Many heat-maps are being made just now. Try again in a minute.", 503)
            draw = partial(self._draw, run, wanted)
            drawn = await to_thread.run_sync(self._heats.get, wanted, draw, limiter=self._explainers())
        headers = {"Cache-Control": _KEEP, "X-Where": drawn.where}
        return Response(drawn.body, media_type="image/webp", headers=headers)

    def _draw(self, run: Run, wanted: Wanted) -> Drawn:
        predictor = self._predictors().get(run)
        if not 0 <= wanted.label < len(predictor.classes):
            raise NotFound("This model knows no such class.")
        workspace = self._workspace()
        path = _stored_image(workspace.artifacts.dataset_folder(run.config.data.dataset_id), wanted.sha256)
        return draw_heat(predictor, path, wanted, workspace.settings.limits.max_pixels)

    @property
    def _uploads(self) -> Any:
        return uploads_for(self._workspace().settings)

    async def _subject(self, request: Request, purpose: str, token: str) -> str:
        tokens = await to_thread.run_sync(self._tokens)
        return tokens.check(purpose, token)

    async def _demand(self, request: Request, purpose: str, subject: str) -> None:
        """Raises: TokenRefused: the request's token is for something else."""
        if await self._subject(request, purpose, request.query_params.get("token", "")) != subject:
            raise TokenRefused("This address is not valid. Reload the page and try again.")

    async def _picture(self, request: Request) -> Any:
        dataset_id, sha256 = request.path_params["dataset_id"], request.path_params["sha256"]
        await self._demand(request, "dataset", dataset_id)
        if not (_SHA256.fullmatch(sha256) and _DATASET_ID.fullmatch(dataset_id)):
            raise NotFound("There is no such picture.")
        return self._workspace().artifacts.dataset_folder(dataset_id), sha256


def _figure(request: Request, payload: Payload) -> Response:
    """A chart, or the word that it is the one the reader has."""
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if request.query_params.get("version") == payload.version:
        return Response(status_code=204, headers=headers)
    return _packed_or_plain(request, payload.body, payload.packed, "application/json", headers)


def _answering(handler: Handler) -> Handler:
    """Every answer with the security headers, every failure as a sentence in JSON."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            response = await handler(request)
        except ClientDisconnect:
            response = _error("The connection was lost. Try again.", 400)
        except TransferLabError as error:
            response = _error(str(error), _status(error), missing=getattr(error, "missing", None))
        except Exception:
            _log.exception("%s failed", request.url.path)
            response = _error("Something went wrong in the server. Its log says what.", 500)
        response.headers.update(_SECURITY_HEADERS)
        return response

    return answer


def _error(sentence: str, status: int, missing: list[int] | None = None) -> Response:
    content = {"error": sentence} if missing is None else {"error": sentence, "missing": missing}
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})


def _status(error: TransferLabError) -> int:
    match error:
        case UploadRefused() | Refused():
            return error.status
        case TokenRefused():
            return 403
        case NotFound() | UnknownChart() | UnknownRun() | UnknownDataset():
            return 404
        case _:
            return 400


async def _pieces(request: Request) -> Any:
    """The body in pieces worth a thread's while; never more than one of them in memory."""
    gathered = bytearray()
    async for chunk in request.stream():
        gathered += chunk
        if len(gathered) >= _PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


async def _read_finish(request: Request) -> tuple[int, int, int]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FINISH_BYTES:
            raise UploadRefused("The end of the upload is damaged. Try again.")
    try:
        values = json.loads(bytes(body))
        numbers = values["batches"], values["files"], values["bytes"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UploadRefused("The end of the upload is damaged. Try again.") from error
    if not all(type(n) is int and n >= 0 for n in numbers):
        raise UploadRefused("The end of the upload is damaged. Try again.")
    return numbers


def _heat_query(request: Request) -> tuple[int, Method]:
    label, method = request.query_params.get("label", ""), request.query_params.get("method", "")
    if not re.fullmatch(r"[0-9]{1,6}", label) or method not in METHODS:
        raise NotFound("There is no such heat-map.")
    return int(label), method


def _stored_image(folder: Path, sha256: str) -> Path:
    paths = (folder / "images" / f"{sha256}.{extension}" for extension in sorted(set(EXTENSIONS.values())))
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise NotFound("This picture is not here any more. Its dataset may have been deleted.")
    return path


def _jpeg(folder: Any, sha256: str, max_pixels: int) -> bytes:
    """A stored image as a JPEG of our own making, upright and at most `FULL_IMAGE_SIDE` pixels a side."""
    pixels = open_rgb(_stored_image(folder, sha256), max_pixels, draft_side=FULL_IMAGE_SIDE // 2).pixels
    pixels.thumbnail((FULL_IMAGE_SIDE, FULL_IMAGE_SIDE))
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


@cache
def _plotly_js() -> tuple[bytes, bytes, str]:
    body = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return body, gzip.compress(body, 6), f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def _packed_or_plain(
    request: Request, body: bytes, packed: bytes, media_type: str, headers: dict[str, str]
) -> Response:
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(body, media_type=media_type, headers=headers)
