"""Bound on what Streamlit's own widgets upload, which it keeps in memory as long as the session.

Only pictures of the camera come this way: files go through the drop zone, to disk. But the address
takes whatever a session sends, whether or not a page shows such a widget.
"""

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime

MOST_FILES = 20
MOST_BYTES = 32 * 2**20
"""Files and bytes that one session may have; a picture has some hundred kilobytes."""
MOST_BYTES_TOGETHER = 256 * 2**20
"""Bytes that all sessions may have."""
_AT_ONCE = 16
_SECONDS = 60.0
_ADDRESS = "/_stcore/upload_file/"


class WidgetUploads:
    """ASGI middleware that refuses uploads beyond the bounds, and gives up slow ones."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._n_arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT" or _ADDRESS not in scope["path"]:
            await self._app(scope, receive, send)
            return
        session_id = scope["path"].partition(_ADDRESS)[2].partition("/")[0]
        if self._n_arriving >= _AT_ONCE or not _has_room(_kept(), session_id):
            sentence = "Too many pictures were taken here. Reload the page, and take fewer."
            await PlainTextResponse(sentence, 413)(scope, receive, send)
            return
        await self._take(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noticing(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        self._n_arriving += 1
        try:
            with anyio.fail_after(_SECONDS):
                await self._app(scope, receive, noticing)
        except TimeoutError:
            if not has_begun:
                sentence = "The picture came too slowly. Take it again."
                await PlainTextResponse(sentence, 408)(scope, receive, send)
        finally:
            self._n_arriving -= 1


def _kept() -> dict[str, list[int]]:
    """Return the sizes of the files in memory, by session."""
    if not runtime.exists():
        return {}
    manager = runtime.get_instance().uploaded_file_mgr
    # Only the manager in memory has such a table; another would not fill it.
    storage = getattr(manager, "file_storage", {})
    return {
        session_id: [len(file.data) for file in list(files.values())]
        for session_id, files in list(storage.items())
    }


def _has_room(kept: dict[str, list[int]], session_id: str) -> bool:
    own = kept.get(session_id, [])
    together = sum(sum(sizes) for sizes in kept.values())
    return len(own) < MOST_FILES and sum(own) < MOST_BYTES and together < MOST_BYTES_TOGETHER
