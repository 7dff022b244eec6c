"""Limits of one person's use, enforced: each refusal names the limit, the use and what to do."""

import stat
import time
from dataclasses import dataclass
from pathlib import Path

from tl_core.access.limits import PersonLimits, limits_of
from tl_core.errors import LimitReached
from tl_core.records import Person
from tl_core.store import Artifacts, Store, Usage
from tl_core.text import count, number_of, size
from tl_core.workspace import Workspace

_ASK = "or ask whoever runs this server for more"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Limits of a person and the use they make. Nothing bounds those who administer."""

    limits: PersonLimits
    usage: Usage
    disk_bytes: int
    """Bytes of their datasets and runs, also in the bin, and of the weights they uploaded."""

    def check_run(self) -> None:
        """Check that one more run may wait.

        Raises:
            LimitReached: too many wait, the training time is used up, or the disk space is.
        """
        most = self.limits.waiting_runs
        if most is not None and self.usage.waiting_runs >= most:
            raise LimitReached(
                f"You have {number_of(self.usage.waiting_runs, 'waiting run')}, and {count(most)} "
                "may wait for one person: wait until one has started, take one out of the queue, "
                f"{_ASK}."
            )
        self.check_time()
        self.check_disk()

    def check_time(self) -> None:
        """Check that training time is left; raises as `check_run`."""
        minutes = self.limits.minutes_a_day
        if minutes is None or self.usage.seconds < 60 * minutes:
            return
        raise LimitReached(
            f"Your runs have taken {number_of(int(self.usage.seconds / 60), 'minute')} of training "
            f"within 24 hours, and one person may use {count(minutes)}: go on in "
            f"{_hours(self.free_at - time.time())}, {_ASK}."
        )

    @property
    def free_at(self) -> float:
        """Time from which on there is training time again, in seconds since the epoch."""
        now = time.time()
        minutes = self.limits.minutes_a_day
        return now if minutes is None else self.usage.free_at(60.0 * minutes, now)

    def check_disk(self, more: int = 0) -> None:
        """Check that files of `more` bytes may be kept; raises as `check_run`."""
        most = self.limits.disk_bytes
        if most is None or self.disk_bytes + more < most + bool(more):
            return
        with_more = f", and {size(more)} more would be kept" if more else ""
        raise LimitReached(
            f"Your datasets, runs and weights take {size(self.disk_bytes)}{with_more}; one person "
            f"may keep {size(most)}: delete some, also from the bin, {_ASK}."
        )

    def check_images(self, more: int) -> None:
        """Check that a dataset of `more` images may be added; raises as `check_run`."""
        most = self.limits.images
        if most is None or self.usage.images + more <= most:
            return
        raise LimitReached(
            f"Your datasets have {number_of(self.usage.images, 'image')}, and this one has "
            f"{count(more)} more; one person may have {count(most)}: delete a dataset, take fewer "
            f"images, {_ASK}."
        )


def allowance_of(store: Store, person: Person, artifacts: Artifacts | None = None) -> Allowance:
    """Return what a person may still use, as things are now.

    Args:
        store: the house's own, or one that is bound to them.
        artifacts: the house's own; None where their files do not matter.
    """
    limits = limits_of(store, person)
    usage = store.usage_of(person.id)
    # Only where it is bounded, since each file is looked at.
    is_bounded = limits.disk_bytes is not None
    n_bytes = _bytes_of(artifacts, usage, person) if artifacts and is_bounded else 0
    return Allowance(limits, usage, n_bytes)


def check_run(workspace: Workspace) -> None:
    """Check that the person of a workspace may queue a run, as far as can be told at once.

    Raises:
        LimitReached: they may not.
    """
    if not workspace.person.administers:
        allowance_of(workspace.store, workspace.person).check_run()


def why_no_run(workspace: Workspace) -> str:
    """Return why the person of a workspace cannot queue a run now; empty if they can."""
    try:
        check_run(workspace)
    except LimitReached as error:
        return str(error)
    return ""


def why_no_time(workspace: Workspace) -> str:
    """Return why no run of the person of a workspace trains now; empty if they have time left."""
    try:
        allowance_of(workspace.store, workspace.person).check_time()
    except LimitReached as error:
        return str(error)
    return ""


def check_room(workspace: Workspace, n_bytes: int) -> None:
    """Check that the person of a workspace may keep `n_bytes` more, such as a weights file.

    Raises:
        LimitReached: they may not.
    """
    allowance_of(workspace.store, workspace.person, workspace.artifacts).check_disk(n_bytes)


def _bytes_of(artifacts: Artifacts, usage: Usage, person: Person) -> int:
    folders = [artifacts.dataset_folder(each) for each in usage.datasets]
    folders += [artifacts.run_folder(each) for each in usage.runs]
    folders.append(artifacts.weights_folder(person.id))
    return bytes_in(*folders)


def bytes_in(*folders: Path) -> int:
    """Return the bytes of the files in folders; a file with several names there counts once.

    Names elsewhere do not matter: a sum that depended on them would tell of what others keep.
    """
    sizes: dict[tuple[int, int], int] = {}
    for path in (path for folder in folders for path in folder.rglob("*")):
        try:
            status = path.lstat()
        # It may be deleted at this moment.
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


def _hours(seconds: float) -> str:
    if seconds < 3600:
        return f"about {number_of(max(1, round(seconds / 60)), 'minute')}"
    return f"about {number_of(round(seconds / 3600), 'hour')}"
