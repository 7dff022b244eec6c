"""What a page fetches beside its websocket: the pictures in view, and charts that follow a run."""

import asyncio
import html
import json
import re
import time
from collections.abc import Callable

import httpx

from benchmarks.streamlit_client import Session, Shown

_PICTURES = re.compile(r"""/api/\w+/\w+/(?:thumbnails|samples)/[0-9a-f]{64}[^"'\\\s<>]*""")
_IN_VIEW = 12
"""Pictures of an element that are fetched; those further down are left until one scrolls."""
_PAUSE = 1.0
"""Seconds between two looks at a chart whose run goes on, as in `live_chart/chart.js`."""


class PageFiles:
    """Files of one student's page, each fetched once; charts are asked for news.

    Args:
        client: has the student's cookie.
        complain: receives a sentence for each answer that is an error.
        tell: receives the kind and the seconds of each request.
    """

    def __init__(
        self,
        session: Session,
        client: httpx.AsyncClient,
        complain: Callable[[str], None],
        tell: Callable[[str, float], None],
    ) -> None:
        self._session = session
        self._client = client
        self._complain = complain
        self._tell = tell
        self._known: set[str] = set()
        self._charts: dict[tuple[int, ...], tuple[str, str]] = {}
        """Address and version of each chart that is followed."""
        self._read: dict[tuple[int, ...], Shown] = {}

    async def follow(self) -> None:
        """Fetch what the page shows, for as long as the task runs."""
        while True:
            for path, shown in list(self._session.shown.items()):
                if self._read.get(path) is not shown:
                    self._read[path] = shown
                    await self._look_at(path, shown)
            for path in list(self._charts):
                await self._ask_for_news(path)
            await asyncio.sleep(_PAUSE)

    async def _look_at(self, path: tuple[int, ...], shown: Shown) -> None:
        if shown.kind == "html":
            text = shown.content.body
        elif shown.kind == "bidi_component":
            text = shown.content.json
        else:
            return
        if shown.kind == "bidi_component" and '"url":' in text:
            address = json.loads(text)["url"]
            followed = self._charts.get(path, ("", ""))[0]
            if address not in (None, followed):
                self._charts[path] = (address, "")
            return
        for address in _PICTURES.findall(text)[:_IN_VIEW]:
            if address not in self._known:
                self._known.add(address)
                await self._get(html.unescape(address))

    async def _ask_for_news(self, path: tuple[int, ...]) -> None:
        address, version = self._charts[path]
        is_there = path in self._session.shown
        answer = await self._get(f"{address}&version={version}") if is_there else None
        if answer is None or answer.is_error:
            del self._charts[path]
        elif answer.status_code == httpx.codes.OK:
            content = answer.json()
            self._charts[path] = (address, content["version"])
            if not content["live"]:
                del self._charts[path]

    async def _get(self, address: str) -> httpx.Response:
        started = time.perf_counter()
        answer = await self._client.get(address)
        self._tell("picture or chart", time.perf_counter() - started)
        if answer.is_error:
            self._complain(f"{answer.status_code} {address.partition('?')[0]}")
        return answer
