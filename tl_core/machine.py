"""Load of this machine: processor time of this process and of all others, and who competes now."""

import math
import os
import statistics
import threading
import time
import zlib
from dataclasses import dataclass

import psutil

_SLICE_SECONDS = 0.06
"""Duration of one try; a scheduler's turn takes a few milliseconds, so that it sees several."""
_PROBE_SECONDS = 0.5
"""Duration of the probe of a busy machine, whose load changes from moment to moment."""
_IDLE = 0.95
"""Share of a core from which a thread counts as undisturbed."""
_HARDLY_BUSY = 0.85
"""Share of a core from which the probe is believed without the load of the last minute."""
_MOST_PROBING = 4
"""Largest number of threads that the probe starts."""
_BLOCK = bytes(2**18)
"""Work of a tenth of a millisecond, during which the interpreter's lock is free."""
_NOT_BUSY = {"idle", "iowait", "guest", "guest_nice"}
"""Fields that are no work, or that Linux counts a second time."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Reading of the clocks; the difference of two tells how a span of time was used."""

    wall: float
    """Seconds on the monotonic clock."""
    own: float
    """Processor seconds of this process, summed over its threads."""
    busy: float
    """Processor seconds of all processes."""
    total: float
    """Processor seconds that all cores could have given."""

    def others_share(self, earlier: "Moment") -> float:
        """Return the share of the machine's processor time, 0 to 1, that other processes took."""
        total = self.total - earlier.total
        others = (self.busy - earlier.busy) - (self.own - earlier.own)
        # The clocks tick at different moments, so that a short span may give a little less than 0.
        return min(1.0, max(0.0, others / total)) if total > 0 else 0.0


def read_clocks() -> Moment:
    """Read all clocks; takes about 50 microseconds."""
    times = psutil.cpu_times()._asdict()
    busy = sum(seconds for name, seconds in times.items() if name not in _NOT_BUSY)
    idle = times["idle"] + times.get("iowait", 0.0)
    return Moment(time.perf_counter(), time.process_time(), busy, busy + idle)


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    # Containers and schedulers often allow fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Available:
    """Cores that this process gets now, beside all others that want them."""

    one: float
    """Cores that a single busy thread gets, at most 1."""
    every: float
    """Cores that as many busy threads as there are cores get together."""

    def cores_for(self, wanted: float) -> float:
        """Return the cores that work gets which could use `wanted` on an idle machine."""
        cores = count_cores()
        wanted = min(wanted, cores)
        if wanted <= 1 or cores == 1:
            return min(wanted, self.one)
        several = (wanted - 1) / (cores - 1)
        return min(wanted, self.one + several * (self.every - self.one))

    def times(self, factor: float) -> "Available":
        """Return a multiple of what is available, as far as there are cores."""
        return Available(min(1.0, factor * self.one), min(count_cores(), factor * self.every))

    @property
    def is_all(self) -> bool:
        """True if others take so little that it makes no difference."""
        return self.every > 0.8 * count_cores()


def whole_machine() -> Available:
    """Return what is available while nothing else runs."""
    return Available(1.0, float(count_cores()))


def probe_available(seconds: float = _PROBE_SECONDS) -> Available:
    """Measure what is available with threads that compute for a moment.

    Schedulers share cores between threads, sessions or containers, so that only trying tells. An
    idle machine is recognised at once; a busy one is watched for some `seconds`.
    """
    cores = count_cores()
    n = min(cores, _MOST_PROBING)
    before = read_clocks()
    shares = [_try_threads(n)]
    if shares[0] > _IDLE:
        # Beyond the threads that were tried, the cores that others do not use are free.
        free = cores * (1 - read_clocks().others_share(before))
        return Available(1.0, min(float(cores), max(free, shares[0] * n)))
    alone = [_try_threads(1)]
    while read_clocks().wall - before.wall < seconds:
        shares.append(_try_threads(n))
        alone.append(_try_threads(1))
    one = statistics.fmean(alone)
    share = statistics.fmean(shares)
    # The load of the last minute is then mostly that of our own last run.
    if share > _HARDLY_BUSY:
        return Available(min(one, share * cores), share * cores)
    return _with_average(one, share * cores)


def _with_average(one: float, every: float) -> Available:
    """Return what was tried out, halfway to what the load of the last minute leaves on average.

    A busy machine's load changes within seconds, so that a short try alone is off by far.
    """
    cores = count_cores()
    load, _, _ = psutil.getloadavg()
    usual_one = min(1.0, cores / (load + 1))
    usual_every = cores * cores / (load + cores)
    every = math.sqrt(every * usual_every)
    return Available(min(math.sqrt(one * usual_one), every), every)


def _try_threads(n: int) -> float:
    """Return the share of a core, 0 to 1, that each of `n` busy threads gets."""
    shares = [0.0] * n

    def work(place: int) -> None:
        started = time.perf_counter()
        used = time.thread_time()
        while (elapsed := time.perf_counter() - started) < _SLICE_SECONDS:
            zlib.crc32(_BLOCK)
        shares[place] = (time.thread_time() - used) / elapsed

    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(0.01, statistics.fmean(shares))
