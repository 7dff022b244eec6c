"""Routes of a dataset's images: thumbnails, large images, and heat-maps of a run's model.

Tokens are signed for "dataset" and its id, those of heat-maps for "run" and its id.
"""

import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Response

from tl_core.access import sample_image
from tl_core.data.decoders import get_decoders
from tl_core.data.file_types import EXTENSIONS
from tl_core.data.images import thumbnail_path
from tl_core.errors import UnknownDataset
from tl_core.evaluation.explain import METHODS
from tl_core.records import Run
from tl_core.serving import Refused
from tl_core.workspace import Workspace
from tl_ui.heatmaps import Drawn, Wanted, draw_heat
from tl_ui.routes.shared import (
    GET_AND_HEAD,
    KEEP,
    NotFound,
    ReaderState,
    Shared,
    SharedState,
    demand_dataset,
    demand_model,
    signed_for,
)

FULL_IMAGE_SIDE = 1024
_MOST_WAITING = 60
"""Maximum number of heat-maps that wait for others."""
# Parts of addresses are checked against these before they become parts of paths.
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DATASET_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_LABEL = re.compile(r"[0-9]{1,6}")

router = APIRouter()
_FOR_DATASET = [signed_for("dataset", "dataset_id"), Depends(demand_dataset)]
_FOR_RUN = [signed_for("run", "run_id"), Depends(demand_model)]


# FastAPI runs plain functions in a thread, so dependencies without disk access are asynchronous.
async def _sha256(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise NotFound("There is no such picture.")
    return sha256


async def _folder(dataset_id: str, reader: ReaderState) -> Path:
    if not _DATASET_ID.fullmatch(dataset_id):
        raise NotFound("There is no such picture.")
    return reader.workspace.artifacts.dataset_folder(dataset_id)


_Sha256 = Annotated[str, Depends(_sha256)]
_Folder = Annotated[Path, Depends(_folder)]


@router.api_route(
    "/api/datasets/{dataset_id}/thumbnails/{sha256}",
    methods=GET_AND_HEAD,
    dependencies=_FOR_DATASET,
)
def thumbnail(folder: _Folder, sha256: _Sha256) -> Response:
    return _thumbnail(folder, sha256)


@router.api_route(
    "/api/runs/{run_id}/samples/{sha256}",
    methods=GET_AND_HEAD,
    dependencies=[signed_for("run", "run_id")],
)
def sample(run_id: str, sha256: _Sha256, reader: ReaderState) -> Response:
    """Send the thumbnail of an image that is shown with a published run."""
    file = sample_image(reader.workspace, run_id, sha256)
    return _thumbnail(file.parents[1], sha256)


@router.api_route(
    "/api/datasets/{dataset_id}/images/{sha256}", methods=GET_AND_HEAD, dependencies=_FOR_DATASET
)
async def image(
    dataset_id: str, folder: _Folder, sha256: _Sha256, shared: SharedState, reader: ReaderState
) -> Response:
    jpeg = partial(_jpeg, reader.workspace, dataset_id, folder, sha256)
    body = await to_thread.run_sync(jpeg, limiter=shared.decoders)
    return Response(body, media_type="image/jpeg", headers=KEEP)


@router.api_route("/api/runs/{run_id}/heat/{sha256}", methods=GET_AND_HEAD, dependencies=_FOR_RUN)
async def heat(
    run_id: str,
    sha256: _Sha256,
    *,
    shared: SharedState,
    reader: ReaderState,
    label: str = "",
    method: str = "",
) -> Response:
    """Send a heat-map: where a run's model sees a class in an image of its dataset."""
    if not _LABEL.fullmatch(label) or method not in METHODS:
        raise NotFound("There is no such heat-map.")
    # A thread, since the store reads from disk and would block all other requests.
    run = await to_thread.run_sync(reader.workspace.store.get_run, run_id)
    wanted = Wanted(run.id, run.best_epoch, sha256, int(label), method)
    # A finished heat-map needs no place in the queue.
    drawn = shared.heats.find(wanted)
    if drawn is None:
        if shared.explainers.statistics().tasks_waiting >= _MOST_WAITING:
            raise Refused("Too many heat-maps are waiting to be made. Try again in a minute.", 503)
        draw = partial(_draw, shared, reader.workspace, run, wanted)
        drawn = await to_thread.run_sync(shared.heats.get, wanted, draw, limiter=shared.explainers)
    headers = {**KEEP, "X-Where": drawn.where}
    return Response(drawn.body, media_type="image/webp", headers=headers)


def _thumbnail(folder: Path, sha256: str) -> Response:
    try:
        body = thumbnail_path(folder, sha256).read_bytes()
    # Where a person may see nothing, what is above the file is no folder.
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("There is no such picture.") from None
    return Response(body, media_type="image/webp", headers=KEEP)


def _draw(shared: Shared, workspace: Workspace, run: Run, wanted: Wanted) -> Drawn:
    predictor = shared.get_predictors().get(run)
    if not 0 <= wanted.label < len(predictor.classes):
        raise NotFound("This model has no such class.")
    folder = workspace.artifacts.dataset_folder(run.config.data.dataset_id)
    path = _stored_image(folder, wanted.sha256)
    return draw_heat(predictor, path, wanted, workspace.settings.limits.max_pixels)


def _stored_image(folder: Path, sha256: str) -> Path:
    # The address holds only the digest; the format was found at import.
    for extension in sorted(set(EXTENSIONS.values())):
        path = folder / "images" / f"{sha256}.{extension}"
        if path.is_file():
            return path
    raise NotFound("This picture no longer exists. Its dataset may have been deleted.")


def _jpeg(workspace: Workspace, dataset_id: str, folder: Path, sha256: str) -> bytes:
    """Encode a stored image as JPEG: upright, at most `FULL_IMAGE_SIDE` pixels a side."""
    file = _stored_image(folder, sha256)
    max_pixels = workspace.settings.limits.max_pixels
    levels = None
    # The dataset may be deleted at this moment.
    with suppress(UnknownDataset):
        levels = workspace.store.get_dataset(dataset_id).levels
    return get_decoders().encode(file, max_pixels, FULL_IMAGE_SIDE, "JPEG", levels, quality=88)
