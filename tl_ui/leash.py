"""Run the command line, and end with the process that holds the other end of standard input, however that ends."""

import os
import runpy
import threading


def _end_with_the_other() -> None:
    while os.read(0, 1024):  # and not by sys.stdin, whose lock would be in the way when all is done
        pass
    os._exit(130)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    runpy.run_module("tl_core", run_name="__main__")
