"""Run the command line, and end with the process that holds the other end of standard input, however that ends."""

import os
import threading

from tl_core.cli import main


def _end_with_the_other() -> None:
    while os.read(0, 1024):  # and not by sys.stdin, whose lock would be in the way when all is done
        pass
    os._exit(130)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    main()
