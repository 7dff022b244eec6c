"""Worker threads that run ahead of the consumer of their results and end when it stops.

Threads and not processes: Pillow decodes without holding the interpreter's lock. For what is done
by the children of `decoders`, a thread waits.
"""

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
    """Yield `work(item)` in order, starting at most `ahead` items in advance."""
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
        # Waits for work in progress, which may still use what the caller frees next.
        pool.shutdown(wait=True, cancel_futures=True)


def groups_ahead(
    work: Callable[[Item], Result], groups: Iterable[Sequence[Item]], workers: int, ahead: int
) -> Generator[Iterator[Result], None, None]:
    """Yield an iterator of results per group, starting at most `ahead` groups in advance."""
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


def importing_workers() -> int:
    """Return the number of threads of an import, in each of which a large image may be decoded."""
    # Decoded images have up to hundreds of megabytes.
    return min(default_workers(), 4)


def default_workers() -> int:
    """Return the number of cores that this process may use, between 2 and 12."""
    # Containers and schedulers often allow fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    # More threads would wait for the interpreter's lock.
    return min(max(cores, 2), 12)
