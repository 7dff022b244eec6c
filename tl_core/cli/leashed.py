"""Entry point of commands that end with their parent: `python -m tl_core.cli.leashed COMMAND …`."""

from tl_core.cli.leash import Leash
from tl_core.cli.main import main

if __name__ == "__main__":
    # Not kept, because the thread that it starts does all the work.
    Leash()
    main()
