"""A few threads that work ahead of whoever consumes, and are gone when the consumer stops."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Generator[Result, None, None]:
    """Give `work(item)` in order, with at most `ahead` items begun before they are asked for.

    Threads and not processes: we run inside a web server, and Pillow decodes without holding the interpreter's lock.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="transferlab-data")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def groups_ahead(
    work: Callable[[Item], Result], groups: Iterable[Sequence[Item]], workers: int, ahead: int
) -> Generator[Iterator[Result], None, None]:
    """Give each group's `work(item)` in order, with at most `ahead` groups begun before they are asked for."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="transferlab-data")
    begun: deque[list[Future[Result]]] = deque()
    try:
        for group in groups:
            begun.append([pool.submit(work, item) for item in group])
            if len(begun) > ahead:
                yield (future.result() for future in begun.popleft())
        while begun:
            yield (future.result() for future in begun.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def default_workers() -> int:
    """One thread for each core that this process may use, within bounds: past them the interpreter's lock holds up."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return min(max(cores, 2), 12)
