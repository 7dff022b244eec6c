"""A dataset's pictures: small, large, and with what a run's model sees in them."""

import io
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tl_core.data.images import EXTENSIONS, open_rgb, thumbnail_path
from tl_core.evaluation.explain import METHODS, Method
from tl_core.records import Run
from tl_core.runs.predictor import Predictors
from tl_core.serving import Refused
from tl_ui.heatmaps import Drawn, Heats, Wanted, draw_heat
from tl_ui.routes.area import KEEP, Area, NotFound, Served, answering

FULL_IMAGE_SIDE = 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DATASET_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_EXPLAINERS, _MOST_WAITING = 2, 60
"""Heat-maps that are made at once, and that may wait for it."""


class Pictures(Area):
    """Tokens are signed for "dataset" and its id; of heat-maps, for "run" and its id."""

    def __init__(
        self, get_workspace: Callable[[], Served], get_predictors: Callable[[], Predictors]
    ) -> None:
        super().__init__(get_workspace)
        self._predictors, self._heats = get_predictors, Heats()
        # Decoding takes memory; a page full of large pictures must not take all of it.
        self._decoders = cache(lambda: CapacityLimiter(2))
        self._explainers = cache(lambda: CapacityLimiter(_EXPLAINERS))

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/api/datasets/{dataset_id}/thumbnails/{sha256}", answering(self.thumbnail)),
            Route("/api/datasets/{dataset_id}/images/{sha256}", answering(self.image)),
            Route("/api/runs/{run_id}/heat/{sha256}", answering(self.heat)),
        ]

    async def thumbnail(self, request: Request) -> Response:
        folder, sha256 = await self._picture(request)
        try:
            body = await to_thread.run_sync(thumbnail_path(folder, sha256).read_bytes)
        except FileNotFoundError:
            raise NotFound("There is no such picture.") from None
        return Response(body, media_type="image/webp", headers={"Cache-Control": KEEP})

    async def image(self, request: Request) -> Response:
        folder, sha256 = await self._picture(request)
        limits = self.workspace().settings.limits
        body = await to_thread.run_sync(
            _jpeg, folder, sha256, limits.max_pixels, limiter=self._decoders()
        )
        return Response(body, media_type="image/jpeg", headers={"Cache-Control": KEEP})

    async def _picture(self, request: Request) -> tuple[Path, str]:
        dataset_id, sha256 = request.path_params["dataset_id"], request.path_params["sha256"]
        await self.demand(request, "dataset", dataset_id)
        if not (_SHA256.fullmatch(sha256) and _DATASET_ID.fullmatch(dataset_id)):
            raise NotFound("There is no such picture.")
        return self.workspace().artifacts.dataset_folder(dataset_id), sha256

    async def heat(self, request: Request) -> Response:
        """Where a run's model sees a class in one of its dataset's images."""
        run_id, sha256 = request.path_params["run_id"], request.path_params["sha256"]
        await self.demand(request, "run", run_id)
        if not _SHA256.fullmatch(sha256):
            raise NotFound("There is no such picture.")
        run = await to_thread.run_sync(self.workspace().store.get_run, run_id)
        wanted = Wanted(run.id, run.best_epoch, sha256, *_heat_query(request))
        drawn = self._heats.find(wanted)
        if drawn is None:
            if self._explainers().statistics().tasks_waiting >= _MOST_WAITING:
                raise Refused("Many heat-maps are being made just now. Try again in a minute.", 503)
            draw = partial(self._draw, run, wanted)
            drawn = await to_thread.run_sync(
                self._heats.get, wanted, draw, limiter=self._explainers()
            )
        headers = {"Cache-Control": KEEP, "X-Where": drawn.where}
        return Response(drawn.body, media_type="image/webp", headers=headers)

    def _draw(self, run: Run, wanted: Wanted) -> Drawn:
        predictor = self._predictors().get(run)
        if not 0 <= wanted.label < len(predictor.classes):
            raise NotFound("This model knows no such class.")
        workspace = self.workspace()
        path = _stored_image(
            workspace.artifacts.dataset_folder(run.config.data.dataset_id), wanted.sha256
        )
        return draw_heat(predictor, path, wanted, workspace.settings.limits.max_pixels)


def _heat_query(request: Request) -> tuple[int, Method]:
    label, method = request.query_params.get("label", ""), request.query_params.get("method", "")
    if not re.fullmatch(r"[0-9]{1,6}", label) or method not in METHODS:
        raise NotFound("There is no such heat-map.")
    return int(label), method


def _stored_image(folder: Path, sha256: str) -> Path:
    paths = (
        folder / "images" / f"{sha256}.{extension}"
        for extension in sorted(set(EXTENSIONS.values()))
    )
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise NotFound("This picture is not here any more. Its dataset may have been deleted.")
    return path


def _jpeg(folder: Path, sha256: str, max_pixels: int) -> bytes:
    """A stored image as a JPEG of our own making, upright and at most `FULL_IMAGE_SIDE` pixels a side."""
    pixels = open_rgb(
        _stored_image(folder, sha256), max_pixels, draft_side=FULL_IMAGE_SIDE // 2
    ).pixels
    pixels.thumbnail((FULL_IMAGE_SIDE, FULL_IMAGE_SIDE))
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
