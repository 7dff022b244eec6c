"""Images come in: in batches, each in pieces, and nothing half-written stays."""

import json
from collections.abc import AsyncIterator

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tl_ui.data.upload_batch import UploadRefused
from tl_ui.data.uploads import Uploads, uploads_for
from tl_ui.routes.area import Area, answering

_PIECE_BYTES = 256 * 1024
"""A thread is asked to write no smaller piece of an upload than this, the last of a batch apart."""
_MAX_FINISH_BYTES = 10_000


class Uploading(Area):
    """Tokens are signed for "upload" and an upload's id."""

    @property
    def routes(self) -> list[Route]:
        return [
            Route(
                "/api/uploads/{token}/batch/{number:int}",
                answering(self.take_batch),
                methods=["POST"],
            ),
            Route("/api/uploads/{token}/finish", answering(self.finish_upload), methods=["POST"]),
            Route("/api/uploads/{token}", answering(self.drop_upload), methods=["DELETE"]),
        ]

    @property
    def _uploads(self) -> Uploads:
        return uploads_for(self.workspace().settings)

    async def take_batch(self, request: Request) -> Response:
        upload_id = await self.subject(request, "upload", request.path_params["token"])
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
        upload_id = await self.subject(request, "upload", request.path_params["token"])
        batches, n_files, n_bytes = await _read_finish(request)
        upload = await to_thread.run_sync(self._uploads.get_or_open, upload_id)
        await to_thread.run_sync(upload.finish, batches, n_files, n_bytes)
        return JSONResponse({"upload_id": upload_id})

    async def drop_upload(self, request: Request) -> Response:
        upload_id = await self.subject(request, "upload", request.path_params["token"])
        await to_thread.run_sync(self._uploads.close, upload_id)
        return JSONResponse({"dropped": True})


async def _pieces(request: Request) -> AsyncIterator[bytes]:
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
