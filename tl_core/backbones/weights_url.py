"""Weights that are a file behind an address, and how to wait for the network without being stuck in it."""

import re
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from http.client import HTTPException
from pathlib import Path
from threading import Thread
from typing import TypeVar
from urllib.error import URLError
from urllib.request import Request, urlopen

import torch

from tl_core.errors import Cancelled, WeightsUnavailable

T = TypeVar("T")
_REACH_SECONDS = 5
_ASK_SECONDS = 0.2
_HASH = re.compile(r"-([a-f0-9]{8,})\.")


class HubUnreachable(WeightsUnavailable):
    """Nobody answered; a file in the cache would do."""


def url_cache(url: str) -> Path:
    """Where torch keeps what was fetched from there."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def url_answers(url: str) -> bool:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=_REACH_SECONDS):  # noqa: S310
            return True
    except (URLError, OSError, HTTPException):
        return False


def fetch_url(url: str, should_stop: Callable[[], bool]) -> Path:
    """Download into torch's cache, checked against the hash in the file's name.

    Raises:
        Cancelled: `should_stop` turned true.
        HubUnreachable: it cannot be had.
    """
    file = url_cache(url)
    hashed = _HASH.search(file.name)
    fetch = partial(
        torch.hub.download_url_to_file,
        url,
        str(file),
        hash_prefix=hashed[1] if hashed else None,
        progress=False,
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        wait_for(fetch, should_stop)
    except (URLError, OSError, HTTPException, RuntimeError) as error:
        raise HubUnreachable(f"{url} cannot be downloaded ({error}).") from error
    return file


def wait_for(work: Callable[[], T], should_stop: Callable[[], bool]) -> T:
    """What `work` gives, or raises. Asked to stop, it is left to itself: a download is then there for the next run.

    Raises:
        Cancelled: `should_stop` turned true.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    Thread(target=run, name="transferlab-download", daemon=True).start()
    while not result.done():
        if should_stop():
            raise Cancelled("Stopped as asked.")
        wait([result], timeout=_ASK_SECONDS)
    return result.result()
