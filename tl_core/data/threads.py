"""A few threads that work ahead of whoever consumes, and are gone when the consumer stops."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
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
