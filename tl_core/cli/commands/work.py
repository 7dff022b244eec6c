"""The command that servers start and people need not."""


def work() -> None:
    """Carry out queued runs for the server that started this, and end with it.

    Its settings are the first line of standard input, as JSON. Every byte after it means that there may be a new run.
    """
    from tl_core.cli.leash import Leash
    from tl_core.memory import importing

    leash = Leash()
    if leash.first_line:
        with importing():
            from tl_core.cli.actions.work import (
                work,
            )  # which takes seconds, in which the server may end

        work(leash)
