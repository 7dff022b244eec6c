"""Open websockets, which end within seconds once their person is let in no more."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tl_core.errors import TransferLabError
from tl_ui.gate.visitors import Visitor
from tl_ui.presence import present

CHECK_SECONDS = 2.0
"""Time between two looks at whether everyone may stay."""
POLICY_VIOLATION = 1008
"""Code of a websocket that is closed since its person may not be there."""


class _Socket:
    """One websocket, which can be ended from outside the application that serves it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._is_over = asyncio.Event()

    def end(self) -> None:
        self._is_over.set()

    async def receive(self) -> Message:
        getting = asyncio.ensure_future(self._receive())
        ending = asyncio.ensure_future(self._is_over.wait())
        try:
            await asyncio.wait({getting, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not self._is_over.is_set():
                return getting.result()
        finally:
            getting.cancel()
            ending.cancel()
        with suppress(Exception):
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

    async def send(self, message: Message) -> None:
        if self._is_over.is_set():
            raise OSError("This websocket was closed.")
        await self._send(message)


class Sockets:
    """All open websockets of the server.

    Args:
        is_welcome: tells whether somebody who was let in still is.
        most: websockets that one person may have open.
    """

    def __init__(self, is_welcome: Callable[[Visitor], Awaitable[bool]], most: int = 40) -> None:
        self._is_welcome = is_welcome
        self._most = most
        self._open: dict[_Socket, Visitor] = {}
        self._watch: asyncio.Task[None] | None = None

    def is_full(self, visitor: Visitor) -> bool:
        """Tell whether the person has as many websockets open as one may have."""
        count = Counter(other.person.id for other in self._open.values())
        return count[visitor.person.id] >= self._most

    async def serve(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, visitor: Visitor
    ) -> None:
        """Serve a websocket for as long as its person is welcome."""
        socket = _Socket(receive, send)
        self._open[socket] = visitor
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_over(), name="gate-sockets")
        try:
            with present(visitor.person.id):
                await app(scope, socket.receive, socket.send)
        finally:
            del self._open[socket]

    async def _watch_over(self) -> None:
        while self._open:
            await asyncio.sleep(CHECK_SECONDS)
            for visitor in set(self._open.values()):
                # The database may be away for a moment; nobody is sent away for that.
                with suppress(TransferLabError):
                    if not await self._is_welcome(visitor):
                        self._end_all_of(visitor)

    def _end_all_of(self, visitor: Visitor) -> None:
        for socket, other in self._open.items():
            if other == visitor:
                socket.end()
