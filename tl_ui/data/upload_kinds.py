"""Kinds of uploads: what each is for decides about its size and how long it is kept."""

import uuid
from dataclasses import dataclass

from tl_core.settings import Limits

MOST_ASKED = 50
"""Images that a model is asked about at once; other readers wait for a turn meanwhile."""
MOST_WEIGHTS_BYTES = 1000 * 10**6


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of upload, told by the beginning of its id, which a token signs."""

    prefix: str
    idle_seconds: float
    """Age at which a finished upload is dropped that nobody uses."""
    called: str
    """Word for what has the limits, in a sentence."""

    def limits(self, limits: Limits) -> Limits:
        """Return the limits of one upload, of those of this server."""
        if self is ASKED:
            # Twice the largest file, since a few large ones are all that anybody looks at.
            return limits.model_copy(
                update={
                    "max_files": min(MOST_ASKED, limits.max_files),
                    "max_bytes": min(2 * limits.max_file_bytes, limits.max_bytes),
                }
            )
        if self is WEIGHTS:
            return limits.model_copy(update={"max_files": 1, "max_bytes": MOST_WEIGHTS_BYTES})
        return limits

    def new_id(self) -> str:
        return self.prefix + uuid.uuid4().hex


DATASET = Kind("", 3600.0, "a dataset")
ASKED = Kind("asked-", 900.0, "a prediction")
WEIGHTS = Kind("weights-", 900.0, "an upload of weights")


def kind_of(upload_id: str) -> Kind:
    """Return the kind of an upload, by its id or by one that ends with it."""
    own = upload_id.rpartition(" ")[2]
    return next((kind for kind in (ASKED, WEIGHTS) if own.startswith(kind.prefix)), DATASET)
