"""Access: who somebody is, and what they may see and do.

`bind` gives a person a workspace of the same contract, in which what they may not see does not
exist, so that nothing built on it can forget to ask. `Directory` knows the people.
"""

from tl_core.access.allowance import check_room, why_no_run, why_no_time
from tl_core.access.binding import bind, sample_image
from tl_core.access.bound_runner import BoundRunner
from tl_core.access.bound_store import BoundStore
from tl_core.access.directory import Classroom, Directory
from tl_core.access.limits import NO_LIMITS, PersonLimits
from tl_core.access.minutes import MinuteWatch
from tl_core.access.presence import NOBODY

__all__ = [
    "NOBODY",
    "NO_LIMITS",
    "BoundRunner",
    "BoundStore",
    "Classroom",
    "Directory",
    "MinuteWatch",
    "PersonLimits",
    "bind",
    "check_room",
    "sample_image",
    "why_no_run",
    "why_no_time",
]
