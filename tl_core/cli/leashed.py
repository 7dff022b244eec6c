"""Entry point of commands that end with their parent: `python -m tl_core.cli.leashed COMMAND …`."""

from tl_core.cli.leash import Leash
from tl_core.cli.main import main
from tl_core.cli.workspaces import ACTING_FOR

if __name__ == "__main__":
    leash = Leash()
    # The server writes for whom it asks; nothing else is then seen.
    ACTING_FOR.set(leash.first_line.strip())
    main()
