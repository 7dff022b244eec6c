"""Number of files and connections that this process may have open at a time."""

import sys
from contextlib import suppress

_ENOUGH = 16_384


def allow_many_descriptors() -> None:
    """Raise the limit as far as the system lets: many have 1,024, which slow clients could take."""
    # Windows has no such limit.
    if sys.platform == "win32":
        return
    import resource

    # Some systems refuse what their own numbers allow.
    with suppress(ValueError, OSError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
