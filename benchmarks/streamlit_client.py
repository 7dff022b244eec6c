"""Streamlit's protocol as its page speaks it: reruns over a websocket, answered by elements.

A `Session` holds what a browser tab would show and sends what a tab would send: the script of a
page, changed widgets, and the refreshes that fragments ask for. Only widgets that were changed are
told to the server, which knows the values of the others.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 60.0
"""Time limit of an interaction, in seconds."""
_ELEMENT_SECONDS = 5.0
"""Time limit for an element to appear on a page whose script has finished."""
_NO_XSRF = "PLACEHOLDER_AUTH_TOKEN"
_REFRESH = "refresh"


class Unanswered(Exception):
    """Interaction that was not answered within `PATIENCE`, or whose socket was closed."""


@dataclass(frozen=True)
class Shown:
    """Element on the page."""

    element: Element
    run: str
    """Script run that drew it."""
    fragment: str
    """Fragment that it is in; empty outside of all."""

    @property
    def kind(self) -> str:
        return self.element.WhichOneof("type") or ""

    @property
    def content(self) -> Any:
        return getattr(self.element, self.kind)


@dataclass
class _Awaited:
    """Answer that an interaction waits for."""

    fragment: str
    """Fragment that is drawn again; empty for the whole page."""
    page: str | None
    """Hash of the page that it leads to; None for any."""
    answered: asyncio.Future[float]
    """Time at which the script had finished, by the performance counter."""


@dataclass
class _Seen:
    """What the server has told of the script run that is going on."""

    run: str = ""
    page: str = ""


@dataclass
class Session:
    """Browser tab.

    Args:
        url: address of the server, with its scheme.
        cookie: value of the header `Cookie`.
        trust: certificates that the server's is checked against.
        complain: receives a sentence for each error that the page shows.
        tell: receives the kind and the seconds of each refresh of a fragment.
    """

    url: str
    cookie: str
    trust: ssl.SSLContext | None
    complain: Callable[[str], None]
    tell: Callable[[str, float], None] = lambda _kind, _seconds: None
    shown: dict[tuple[int, ...], Shown] = field(default_factory=dict)
    query: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    """Hash of each page's script, by the path of its address."""
    page: str = ""
    """Path of the page that is shown."""
    id: str = ""
    _states: dict[str, WidgetState] = field(default_factory=dict)
    _refreshes: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _intervals: dict[str, float] = field(default_factory=dict)
    """Seconds between two refreshes, by fragment; as in a page, the same again changes nothing."""
    _refreshed_at: dict[str, float] = field(default_factory=dict)
    _awaited: _Awaited | None = None
    _seen: _Seen = field(default_factory=_Seen)
    _socket: ClientConnection | None = None
    _reader: asyncio.Task[None] | None = None

    # Coming and going

    async def open(self, path: str = "", query: str = "") -> float:
        """Connect and draw a page; return the seconds from the connection to the page's end.

        A session that was left is taken up again, as a browser does that lost its connection.
        """
        scheme, _, host = self.url.partition("://")
        tokens = ["streamlit", _NO_XSRF, *filter(None, [self.id])]
        started = time.perf_counter()
        self._socket = await connect(
            f"{scheme.replace('http', 'ws')}://{host}/_stcore/stream",
            ssl=self.trust,
            origin=self.url,  # type: ignore[arg-type]
            subprotocols=tokens,  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookie},
            max_size=None,
            compression=None,
        )
        self._reader = asyncio.create_task(self._read(self._socket))
        self.query = query or self.query
        return await self._send(self._state(name=path), None, started)

    async def come_back(self) -> float:
        """Take the session up again on the page on which it was left; return the seconds.

        Raises:
            Unanswered: the server has another session in its place.
        """
        former = self.id
        seconds = await self.open(self.page)
        if self.id != former:
            raise Unanswered(f"{self.page}: the session was lost")
        return seconds

    async def leave(self) -> None:
        """Close the socket, as a closed lid or a lost network does."""
        self._stop_refreshes()
        if self._reader:
            self._reader.cancel()
        if self._socket:
            await self._socket.close()
        self._socket = None

    # What a person does

    async def follow(self, label: str) -> float:
        """Follow a link of the page; return the seconds until the script of its target has run."""
        started = time.perf_counter()
        target = (await self._see("page_link", label)).content
        return await self._turn(target.page_script_hash, target.query_string, started)

    async def go(self, path: str, query: str) -> float:
        """Follow a link within HTML; return the seconds until the script of its target has run."""
        return await self._turn(self.pages[path], query, time.perf_counter())

    async def _turn(self, page: str, query: str, started: float) -> float:
        self._stop_refreshes()
        self._states.clear()
        self.query = query
        return await self._send(self._state(page=page), page, started)

    async def press(self, label: str, leads_to: str | None = None) -> float:
        """Press a button; return the seconds until the script has finished.

        Args:
            leads_to: path of the page to which the app then switches.
        """
        started = time.perf_counter()
        found = await self._see("button", label)
        state = WidgetState(id=found.content.id, trigger_value=True)
        target = self.pages[leads_to] if leads_to else None
        return await self._send(self._state(found.fragment, state), target, started)

    async def choose(self, label: str, option: str, kind: str = "selectbox") -> float:
        """Choose an option of a drop-down or of radio buttons."""
        return await self._change(kind, label, string_value=option)

    async def type(self, label: str, text: str) -> float:
        """Type into a field of one line."""
        return await self._change("text_input", label, string_value=text)

    async def switch(self, label: str, on: bool) -> float:
        """Switch a checkbox or a toggle."""
        return await self._change("checkbox", label, bool_value=on)

    # What a person sees

    def find(self, kind: str, label: str = "") -> Shown:
        """Return the first element of a kind whose label, if it has one, is this.

        Raises:
            KeyError: the page has none.
        """
        for shown in self.all(kind):
            if not label or getattr(shown.content, "label", "") == label:
                return shown
        raise KeyError(f"The page {self.page!r} has no {kind} {label!r}.")

    def has(self, kind: str, label: str = "") -> bool:
        with suppress(KeyError):
            return bool(self.find(kind, label))
        return False

    def all(self, kind: str) -> Iterator[Shown]:
        return (shown for shown in list(self.shown.values()) if shown.kind == kind)

    def says(self, words: str) -> bool:
        """Tell if a heading or a paragraph holds these words."""
        texts = (shown.content.body for kind in ("heading", "markdown") for shown in self.all(kind))
        return any(words in text for text in texts)

    # The protocol

    async def _change(self, kind: str, label: str, **value: Any) -> float:
        started = time.perf_counter()
        found = await self._see(kind, label)
        state = WidgetState(id=found.content.id, **value)
        self._states[state.id] = state
        return await self._send(self._state(found.fragment), None, started)

    async def _see(self, kind: str, label: str) -> Shown:
        """Wait for an element, which a refresh may be drawing again; what it takes is counted.

        Raises:
            KeyError: it has not come.
        """
        give_up = time.monotonic() + _ELEMENT_SECONDS
        while not self.has(kind, label) and time.monotonic() < give_up:
            await asyncio.sleep(0.02)
        return self.find(kind, label)

    def _state(
        self, fragment: str = "", *triggers: WidgetState, page: str = "", name: str = ""
    ) -> ClientState:
        here = page or self.pages.get(self.page, "")
        state = ClientState(query_string=self.query, page_name=name, fragment_id=fragment)
        # A page that is only known by its name is found by the server.
        state.page_script_hash = "" if name else here
        state.widget_states.widgets.extend([*self._states.values(), *triggers])
        state.context_info.timezone = "Europe/Berlin"
        state.context_info.url = f"{self.url}/{name or self.page}"
        return state

    async def _send(self, state: ClientState, page: str | None, started: float) -> float:
        """Ask for a script run; return the seconds from `started` to the end of its answer."""
        assert self._socket is not None
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._awaited = _Awaited(state.fragment_id, page, answered)
        try:
            await self._socket.send(BackMsg(rerun_script=state).SerializeToString())
            return await asyncio.wait_for(answered, PATIENCE) - started
        except (TimeoutError, ConnectionClosed) as error:
            raise Unanswered(f"{self.page or 'the first page'}: {error!r}") from error
        finally:
            self._awaited = None

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                assert isinstance(data, bytes)
                self._take(ForwardMsg.FromString(data))
        except ConnectionClosed as error:
            self.complain(f"The socket was closed: {error}")
        finally:
            self._stop_refreshes()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._begin_run(message)
        elif kind == "delta":
            self._draw(message)
        elif kind == "script_finished":
            self._end_run(message)
        elif kind == "navigation":
            pages = message.navigation.app_pages
            self.pages = {page.url_pathname: page.page_script_hash for page in pages}
            self._turn_to(message.navigation.page_script_hash)
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._refresh_every(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop_refresh(fragment)
        elif kind == "page_not_found":
            self.complain(f"There is no page {message.page_not_found.page_name!r}")

    def _begin_run(self, message: ForwardMsg) -> None:
        page = message.new_session.page_script_hash
        self._seen = _Seen(message.metadata.run.script_run_id, page)
        self.id = message.new_session.initialize.session_id or self.id
        if not message.metadata.run.fragment_ids:
            self._turn_to(page)

    def _turn_to(self, page: str) -> None:
        path = next((path for path, known in self.pages.items() if known == page), self.page)
        if path != self.page:
            self._stop_refreshes()
        self.page = path

    def _draw(self, message: ForwardMsg) -> None:
        path = tuple(message.metadata.delta_path)
        if message.delta.WhichOneof("type") != "new_element":
            return
        shown = Shown(message.delta.new_element, self._seen.run, message.delta.fragment_id)
        self.shown[path] = shown
        if shown.kind == "exception":
            self.complain(f"{self.page}: {shown.content.type} {shown.content.message}")
        elif shown.kind == "alert" and shown.content.format == shown.content.ERROR:
            self.complain(f"{self.page}: {shown.content.body}")

    def _end_run(self, message: ForwardMsg) -> None:
        if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.complain(f"{self.page}: the script does not compile")
        now = time.perf_counter()
        run, fragments = message.metadata.run.script_run_id, message.metadata.run.fragment_ids
        self._forget_what_is_gone(run, fragments)
        for fragment in fragments or list(self._refreshed_at):
            if (asked := self._refreshed_at.pop(fragment, None)) is not None:
                self.tell(_REFRESH, now - asked)
        if self._is_answer(fragments) and self._awaited is not None:
            self._awaited.answered.set_result(now)

    def _is_answer(self, fragments: Collection[str]) -> bool:
        """Tell if the end of a run of these fragments, or of the page, is what was asked for."""
        awaited = self._awaited
        if awaited is None or awaited.answered.done():
            return False
        if fragments:
            return awaited.fragment in fragments
        return awaited.page in (None, self._seen.page)

    def _forget_what_is_gone(self, run: str, fragments: Collection[str]) -> None:
        """Drop elements that the script, or the fragments, have not drawn again."""
        for path, shown in list(self.shown.items()):
            is_of_run = not fragments or shown.fragment in fragments
            if is_of_run and shown.run != run:
                del self.shown[path]

    # Fragments that refresh by themselves

    def _refresh_every(self, fragment: str, seconds: float) -> None:
        if self._intervals.get(fragment) == seconds and fragment in self._refreshes:
            return
        self._stop_refresh(fragment)
        self._intervals[fragment] = seconds
        self._refreshes[fragment] = asyncio.create_task(self._refresh(fragment, seconds))

    async def _refresh(self, fragment: str, seconds: float) -> None:
        with suppress(ConnectionClosed):
            while self._socket is not None:
                await asyncio.sleep(seconds)
                state = self._state(fragment)
                state.is_auto_rerun = True
                self._refreshed_at.setdefault(fragment, time.perf_counter())
                await self._socket.send(BackMsg(rerun_script=state).SerializeToString())

    def _stop_refresh(self, fragment: str) -> None:
        self._refreshed_at.pop(fragment, None)
        if task := self._refreshes.pop(fragment, None):
            task.cancel()

    def _stop_refreshes(self) -> None:
        for fragment in list(self._refreshes):
            self._stop_refresh(fragment)
