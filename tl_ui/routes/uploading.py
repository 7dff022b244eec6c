"""Routes for uploads: images arrive in batches, and each is stored completely or not at all.

Tokens are signed for "upload" and an upload's id.
"""

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, NonNegativeInt, ValidationError

from tl_ui.data.upload_batch import UploadRefused
from tl_ui.data.uploads import PersonUploads, Upload
from tl_ui.routes.shared import ReaderState, SharedState

_PIECE_BYTES = 256 * 1024
"""Minimum size of a write in a thread, except for the last of a batch."""
_MAX_FINISH_BYTES = 10_000
_STALLED_SECONDS = 60.0
"""Longest wait for the next bytes of a body."""
_PATIENCE_SECONDS = 120.0
_SLOWEST = 16 * 1024
"""Bytes a second of the slowest line for which a body is waited for, after the patience."""
_DAMAGED = "The end of the upload is damaged. Try again."

router = APIRouter()


class UploadStalled(UploadRefused):
    """Upload whose bytes come too slowly; a page of ours tries again by itself."""

    status = 408


class _Finish(BaseModel, strict=True):
    """Numbers of what the browser has sent."""

    batches: NonNegativeInt
    files: NonNegativeInt
    bytes: NonNegativeInt


async def _upload_id(token: str, shared: SharedState, reader: ReaderState) -> str:
    return shared.tokens.check("upload", token, person_id=reader.person.id)


# Not asynchronous: the limits are in the store.
def _uploads(shared: SharedState, reader: ReaderState) -> PersonUploads:
    return shared.uploads_of(reader)


_UploadId = Annotated[str, Depends(_upload_id)]
_Uploads = Annotated[PersonUploads, Depends(_uploads)]


# Not asynchronous: it reads from disk, so FastAPI runs it in a thread.
def _open_upload(upload_id: _UploadId, uploads: _Uploads) -> Upload:
    return uploads.get_or_open(upload_id)


@router.post("/api/uploads/{token}/batch/{number}")
async def take_batch(
    request: Request, upload: Annotated[Upload, Depends(_open_upload)], number: int
) -> dict[str, bool]:
    # FastAPI would read a declared body into memory, even before it checks the token.
    writer = upload.start_batch(number)
    try:
        async for piece in _pieces(request, upload.limits.max_bytes):
            # In a thread, so that a slow disk does not hold up other requests.
            await to_thread.run_sync(writer.feed, piece)
        await to_thread.run_sync(writer.commit)
    finally:
        await to_thread.run_sync(writer.discard)
    return {"stored": True}


@router.post("/api/uploads/{token}/finish")
async def finish_upload(
    request: Request, upload_id: _UploadId, uploads: _Uploads
) -> dict[str, str]:
    finish = await _read_finish(request)
    # After a restart no upload is known: a new, empty one reports which batches are missing.
    upload = await to_thread.run_sync(uploads.get_or_open, upload_id)
    await to_thread.run_sync(upload.finish, finish.batches, finish.files, finish.bytes)
    return {"upload_id": upload_id}


@router.delete("/api/uploads/{token}")
def drop_upload(upload_id: _UploadId, uploads: _Uploads) -> dict[str, bool]:
    uploads.close(upload_id)
    return {"dropped": True}


async def _pieces(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at least `_PIECE_BYTES`, with one in memory at a time."""
    # Small chunks are gathered, since handing each to a thread would cost more than its write.
    gathered = bytearray()
    async for chunk in _chunks(request, max_bytes):
        gathered += chunk
        if len(gathered) >= _PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


async def _chunks(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body as it arrives.

    Raises:
        UploadStalled: it comes so slowly that it only keeps its place from others.
    """
    announced = request.headers.get("content-length", "")
    n_bytes = min(int(announced), max_bytes) if announced.isdecimal() else max_bytes
    end = anyio.current_time() + _PATIENCE_SECONDS + n_bytes / _SLOWEST
    stream = aiter(request.stream())
    while True:
        try:
            with anyio.fail_after(min(_STALLED_SECONDS, end - anyio.current_time())):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise UploadStalled("The files come too slowly. Try again.") from None
        yield chunk


async def _read_finish(request: Request) -> _Finish:
    body = bytearray()
    async for chunk in _chunks(request, _MAX_FINISH_BYTES):
        body += chunk
        if len(body) > _MAX_FINISH_BYTES:
            raise UploadRefused(_DAMAGED)
    try:
        return _Finish.model_validate_json(body)
    except ValidationError as error:
        raise UploadRefused(_DAMAGED) from error
