"""Weights behind a URL, and downloads that can be stopped."""

import math
import re
import time
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

from tl_core.cancellation import Stop
from tl_core.errors import WeightsUnavailable
from tl_core.text import without_folders

T = TypeVar("T")
_CONNECT_TIMEOUT = 5
_STOP_POLL_SECONDS = 0.2
# By torch's convention a file's name ends in the first digits of its SHA-256.
_HASH = re.compile(r"-([a-f0-9]{8,})\.")


class HubUnreachable(WeightsUnavailable):
    """Weights could not be downloaded, so that only cached ones can be used."""


def url_cache(url: str) -> Path:
    """Return the path of torch's cached download of `url`."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def url_answers(url: str) -> bool:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=_CONNECT_TIMEOUT):  # noqa: S310
            return True
    except (URLError, OSError, HTTPException):
        return False


def fetch_url(url: str, stop: Stop) -> Path:
    """Download into torch's cache, checked against the hash in the file's name.

    Raises:
        Cancelled: the work was asked to stop.
        HubUnreachable: it cannot be downloaded.
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
        wait_for(fetch, stop)
    # torch reports a wrong hash as a RuntimeError; an HTTPException is no OSError.
    except (URLError, OSError, HTTPException, RuntimeError) as error:
        reason = without_folders(str(error))
        raise HubUnreachable(f"{url} cannot be downloaded ({reason}).") from error
    return file


def wait_for(work: Callable[[], T], stop: Stop, seconds: float = math.inf) -> T:
    """Call `work` in a thread and wait for its result or its error.

    If stopped, `work` continues in its thread; a completed download stays in the cache.

    Raises:
        Cancelled: the work was asked to stop.
        TimeoutError: it took longer than `seconds`.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        # Every error must reach the waiting thread, which would otherwise wait without end.
        except BaseException as error:
            result.set_exception(error)

    give_up = time.monotonic() + seconds
    # A daemon, not an executor's thread, which the interpreter would wait for when it exits.
    Thread(target=run, name="transferlab-download", daemon=True).start()
    while not result.done():
        stop.check()
        if time.monotonic() > give_up:
            raise TimeoutError(f"no answer within {seconds:g} s")
        wait([result], timeout=_STOP_POLL_SECONDS)
    return result.result()
