"""Store that is bound to a person."""

from tl_core.access.bound_datasets import BoundBin, BoundDatasets, BoundPresets
from tl_core.access.bound_people import BoundPeople
from tl_core.access.bound_runs import BoundReports, BoundRuns, BoundStates


class BoundStore(
    BoundDatasets, BoundRuns, BoundStates, BoundReports, BoundPresets, BoundBin, BoundPeople
):
    """`Store` in which what a person may not see does not exist.

    It refuses with the sentence for nonsense, finds names and prefixes only among what they may
    see, and adds to their space. Somebody who was removed meanwhile gets `NotAdmitted` from every
    method.
    """

    def close(self) -> None:
        """Do nothing: the house's connections are everyone's."""
