"""Start a command and write its time and peak memory as JSON to a descriptor.

    stopwatch.py FD COMMAND…

It is a small program of its own, since the peak memory of a process starts with its parent's.
"""

import json
import os
import subprocess
import sys
import time


def main() -> int:
    report, *command = sys.argv[1:]
    started = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    peak_mb = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    os.write(int(report), json.dumps({"seconds": seconds, "peak_mb": peak_mb}).encode())
    ended = os.waitstatus_to_exitcode(status)
    return ended if ended >= 0 else 128 - ended


if __name__ == "__main__":
    sys.exit(main())
