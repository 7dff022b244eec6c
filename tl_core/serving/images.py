"""Images in the body of a request, bounded in bytes, number and time while they are read."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import anyio
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from tl_core.serving.api import Refused

MAX_BYTES = 64 * 2**20
"""Bytes of one request."""
MAX_IMAGES = 50
"""Images of one request."""
_SECONDS = 60
"""Time in which a request must have arrived."""

Named = tuple[str, BinaryIO]
"""An image's name as it was sent (user text), and its bytes."""


@asynccontextmanager
async def images_in(request: Request) -> AsyncIterator[list[Named]]:
    """Read the one image, or the form of images, that is a request's body; close them afterwards.

    Raises:
        Refused: too large, too many, too slow, or no image at all.
    """
    content_type = request.headers.get("content-type", "").lower()
    read = _read_form if content_type.startswith("multipart/form-data") else _read_image
    async with AsyncExitStack() as stack:
        try:
            with anyio.fail_after(_SECONDS):
                images = await read(request, stack)
        except TimeoutError:
            raise Refused(
                f"The images did not arrive within {_SECONDS} seconds. Send fewer at once.", 408
            ) from None
        yield images


async def _counted(request: Request) -> AsyncGenerator[bytes, None]:
    """Pass the body on while it is not too long: its header may lie about that, or be missing."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        _check_size(int(announced))
    n = 0
    async for chunk in request.stream():
        n += len(chunk)
        _check_size(n)
        yield chunk


def _check_size(n: int) -> None:
    if n > MAX_BYTES:
        raise Refused(
            f"A request may have {MAX_BYTES // 2**20} MB; send fewer or smaller images.", 413
        )


async def _read_image(request: Request, stack: AsyncExitStack) -> list[Named]:
    file = stack.enter_context(SpooledTemporaryFile(max_size=2**20))  # noqa: SIM115
    async for chunk in _counted(request):
        file.write(chunk)
    if not file.tell():
        raise Refused(
            "There is no image in the request: send one as its body, or several as a form.", 400
        )
    file.seek(0)
    return [("image", cast(BinaryIO, file))]


async def _read_form(request: Request, stack: AsyncExitStack) -> list[Named]:
    """Read a form as it arrives; FastAPI's own would be read before anybody asks for a key."""
    parser = MultiPartParser(
        request.headers, _counted(request), max_files=MAX_IMAGES, max_fields=MAX_IMAGES
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refused(
            f"The form cannot be read: {error.message} It may have {MAX_IMAGES} files.", 400
        ) from error
    stack.push_async_callback(form.close)
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise Refused(
            "There is no file in the form. Send each image as a file, "
            'such as curl -F "image=@cat.jpg".',
            400,
        )
    return [(file.filename or "image", file.file) for file in files]
