"""Any command on a leash: `python -m tl_core.cli.leashed COMMAND …` ends with its parent process."""

from tl_core.cli.leash import Leash
from tl_core.cli.main import main

if __name__ == "__main__":
    Leash()
    main()
