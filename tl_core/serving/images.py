"""Images in the body of a request, with limits on bytes, number and time."""

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
"""Maximum size of a request, in bytes."""
MAX_IMAGES = 50
"""Maximum number of images in a request."""
_SECONDS = 60
"""Time limit for receiving a request."""
_STALLED_SECONDS = 15
"""Longest wait for the next bytes."""

Named = tuple[str, BinaryIO]
"""Name of an image as sent by the user (user text), and its bytes."""


@asynccontextmanager
async def images_in(request: Request) -> AsyncIterator[list[Named]]:
    """Read the image, or the form of images, in a request's body; close the files afterwards.

    Raises:
        Refused: the images are too large, too many or too slow, or there are none.
    """
    content_type = request.headers.get("content-type", "").lower()
    is_form = content_type.startswith("multipart/form-data")
    read = _read_form if is_form else _read_image
    async with AsyncExitStack() as stack:
        try:
            # A slow sender would keep its place among the few requests under way.
            with anyio.fail_after(_SECONDS):
                images = await read(request, stack)
        except TimeoutError:
            sentence = (
                f"The images did not arrive within {_SECONDS} seconds, or none of their bytes in "
                f"{_STALLED_SECONDS}. Send fewer at once."
            )
            raise Refused(sentence, 408) from None
        yield images


async def _counted(request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the body while its size is below the limit."""
    # The header allows an early refusal; it may be wrong or missing, so chunks are counted, too.
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        _check_size(int(announced))
    n = 0
    stream = aiter(request.stream())
    while True:
        try:
            # A line that has stalled would keep its place until the time is over.
            with anyio.fail_after(_STALLED_SECONDS):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        n += len(chunk)
        _check_size(n)
        yield chunk


def _check_size(n: int) -> None:
    if n > MAX_BYTES:
        limit = f"A request may have {MAX_BYTES // 2**20} MB"
        raise Refused(f"{limit}; send fewer or smaller images.", 413)


async def _read_image(request: Request, stack: AsyncExitStack) -> list[Named]:
    # Up to 1 MiB stays in memory, larger images go to disk.
    file = stack.enter_context(SpooledTemporaryFile(max_size=2**20))  # noqa: SIM115
    async for chunk in _counted(request):
        file.write(chunk)
    if not file.tell():
        raise Refused("The request has no image: send one as the body, or several as a form.", 400)
    file.seek(0)
    return [("image", cast(BinaryIO, file))]


async def _read_form(request: Request, stack: AsyncExitStack) -> list[Named]:
    """Read a form while it arrives; FastAPI's own parser would read it before checking the key."""
    parser = MultiPartParser(
        request.headers, _counted(request), max_files=MAX_IMAGES, max_fields=MAX_IMAGES
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refused(
            f"The form cannot be read: {error.message} It may have up to {MAX_IMAGES} files.", 400
        ) from error
    stack.push_async_callback(form.close)
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        sentence = "There is no file in the form. Send each image as a file, for example with "
        raise Refused(f'{sentence}curl -F "image=@cat.jpg".', 400)
    return [(file.filename or "image", file.file) for file in files]
