"""Doctor: examines an installation, also while it is in use, and repairs what it can."""

from collections.abc import Callable, Iterator

from tl_core.errors import StoreUnavailable, TransferLabError
from tl_core.settings import Settings
from tl_core.store import find_leftovers
from tl_core.upkeep.file_checks import OnFile, check_cache, check_datasets, check_runs
from tl_core.upkeep.findings import Examined, Finding
from tl_core.upkeep.home_checks import check_home, check_room
from tl_core.upkeep.house import House, opened_house
from tl_core.upkeep.record_checks import check_records


def examine(
    settings: Settings,
    *,
    repair: bool = False,
    on_file: OnFile = lambda words: None,
) -> Iterator[Examined]:
    """Yield what is wrong, the home folder first; nothing for a sound installation.

    Args:
        settings: say where home folder and database are.
        repair: whether each finding is repaired at once, where that is possible.
        on_file: called with what is looked at next.
    """
    for finding in check_home(settings):
        yield _treated(finding, repair)
    if not settings.home.exists():
        return
    try:
        with opened_house(settings) as house:
            for finding in _inside(house, on_file):
                yield _treated(finding, repair)
    except StoreUnavailable as error:
        yield Examined(
            Finding(
                "database",
                "the database",
                str(error),
                "What is in the database and in its files could not be checked.",
            )
        )


def _inside(house: House, on_file: OnFile) -> Iterator[Finding]:
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: check_room(house.room),
        lambda: check_records(house),
        lambda: _leftovers(house),
        lambda: check_datasets(house, on_file),
        lambda: check_runs(house, on_file),
        lambda: check_cache(house, on_file),
    )
    # One after the other, so that each sees what those before it have repaired.
    for check in checks:
        yield from check()


def _leftovers(house: House) -> Iterator[Finding]:
    for leftover in find_leftovers(house.store, house.artifacts):
        yield Finding(
            "leftovers",
            str(leftover.path.relative_to(house.settings.home)),
            leftover.sentence,
            "Repairing deletes it, and so does every start of the app or of a command.",
            leftover.remove,
        )


def _treated(finding: Finding, repair: bool) -> Examined:
    if not repair or finding.repair is None:
        return Examined(finding)
    try:
        finding.repair()
    except (OSError, TransferLabError) as error:
        return Examined(finding, failure=str(error))
    return Examined(finding, is_repaired=True)
