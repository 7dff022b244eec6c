"""Limits of one person's use of a server that is shared."""

from pydantic import BaseModel, ConfigDict, Field

from tl_core.records import Person
from tl_core.store import Store

LIMITS = "person limits"
"""Name of the setting with the limits."""


class PersonLimits(BaseModel):
    """Bounds on what one person may use at a time; None stands for no bound.

    The defaults let thirty students share a server with two cores and some 100 GB.
    """

    model_config = ConfigDict(frozen=True)

    waiting_runs: int | None = Field(10, ge=1)
    """Runs that wait in the queue; a comparison of optimizers needs eight."""
    minutes_a_day: int | None = Field(120, ge=1)
    """Minutes of training within 24 hours."""
    disk_bytes: int | None = Field(3 * 10**9, ge=1)
    """Bytes of datasets and runs."""
    images: int | None = Field(20_000, ge=1)
    """Images of all datasets together."""
    uploads: int | None = Field(12, ge=1)
    """Uploads that are open at a time; images dropped without a class keep theirs until it has a
    name."""


NO_LIMITS = PersonLimits(
    waiting_runs=None, minutes_a_day=None, disk_bytes=None, images=None, uploads=None
)
"""Limits of the operator, and of those who administer."""


def limits_of(store: Store, person: Person) -> PersonLimits:
    """Return the limits of this person."""
    if person.administers:
        return NO_LIMITS
    return PersonLimits.model_validate(store.get_setting(LIMITS) or {})
