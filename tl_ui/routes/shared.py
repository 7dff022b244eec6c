"""Objects that all routes share, who asks, and token checks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request

from tl_core.access import bind
from tl_core.access.limits import limits_of
from tl_core.errors import TransferLabError
from tl_core.records import OPERATOR, Person
from tl_core.runs.predictor import Predictors
from tl_core.store.absent import no_dataset, no_run
from tl_core.workspace import Workspace
from tl_ui.data.uploads import PersonUploads, uploads_for
from tl_ui.heatmaps import Heats
from tl_ui.people import HEADER, find_person
from tl_ui.routes.charts import RunCharts
from tl_ui.tokens import Tokens

KEEP = {"Cache-Control": "private, max-age=86400, immutable"}
"""Headers of responses that a browser may cache for a day."""
GET_AND_HEAD = ["GET", "HEAD"]
"""Methods of read-only routes."""


class NotFound(TransferLabError):
    """There is no such file or route."""

    status = 404


class Shared:
    """Objects that the routes of one app share; the first request opens the workspace."""

    def __init__(
        self, get_workspace: Callable[[], Workspace], get_predictors: Callable[[], Predictors]
    ) -> None:
        self._get_workspace = get_workspace
        self.get_predictors = get_predictors
        self.heats = Heats()
        self.reporters = CapacityLimiter(1)
        # Decoding takes memory, and a page may ask for many large images at once.
        self.decoders = CapacityLimiter(2)
        # Occlusion takes many passes through a model, which a training beside it would feel.
        self.explainers = CapacityLimiter(2)

    @property
    def house(self) -> Workspace:
        """Workspace of the whole house, which is asked only after a `Reader` has been."""
        return self._get_workspace()

    @property
    def is_open(self) -> bool:
        return self.house.settings.access == "open"

    def uploads_of(self, reader: "Reader") -> PersonUploads:
        """Return the uploads of the person who asks, with the limit on their number."""
        most = limits_of(reader.workspace.store, reader.person).uploads
        return uploads_for(self.house.settings).of(reader.person.id, most)

    @cached_property
    def charts(self) -> RunCharts:
        return RunCharts(self.house.store)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.house.settings.home)

    def reader(self, person_id: str) -> "Reader":
        """Return who has this id; in an open app everyone is its operator.

        Raises:
            NotSignedIn: nobody here has this id, or the person was removed.
        """
        person = OPERATOR if self.is_open else find_person(self.house.store, person_id)
        return Reader(person, bind(self.house, person))


@dataclass(frozen=True, slots=True)
class Reader:
    """Person who asks, with the workspace as far as they may use it."""

    person: Person
    workspace: Workspace

    def demand_run(self, run_id: str) -> None:
        """Check that the person may see the figures of a run: their own, or a published one.

        Raises:
            UnknownRun: they may not, or there is none.
        """
        # The store also finds runs by the start of their ids.
        if self.workspace.store.get_run(run_id).id != run_id:
            raise no_run(run_id)

    def demand_model(self, run_id: str) -> None:
        """Check that the person may use all that a run left: its model, its images, its report.

        Raises:
            UnknownRun: they may not, or there is none.
        """
        run = self.workspace.store.get_run(run_id)
        if run.id != run_id or not (self.person.leads or run.owner == self.person.id):
            raise no_run(run_id)

    def demand_dataset(self, dataset_id: str) -> None:
        """Check that the person may see the images of a dataset.

        Raises:
            UnknownDataset: they may not, or there is none.
        """
        # The store also finds datasets by name, and people name theirs as they like.
        if self.workspace.store.get_dataset(dataset_id).id != dataset_id:
            raise no_dataset(dataset_id)


async def _shared(request: Request) -> Shared:
    shared: Shared = request.app.state.shared
    return shared


SharedState = Annotated[Shared, Depends(_shared)]


async def _reader(request: Request, shared: SharedState) -> Reader:
    person_id = request.headers.get(HEADER, "")
    if shared.is_open:
        return shared.reader(person_id)
    # A thread, since the directory may have to ask the store.
    return await to_thread.run_sync(shared.reader, person_id)


ReaderState = Annotated[Reader, Depends(_reader)]


async def demand_run(run_id: str, reader: ReaderState) -> None:
    """Refuse those who may not see the run's figures."""
    await _unless_operator(reader, reader.demand_run, run_id)


async def demand_model(run_id: str, reader: ReaderState) -> None:
    """Refuse those who may not have all that the run left."""
    await _unless_operator(reader, reader.demand_model, run_id)


async def demand_dataset(dataset_id: str, reader: ReaderState) -> None:
    """Refuse those who may not see the dataset's images."""
    await _unless_operator(reader, reader.demand_dataset, dataset_id)


async def _unless_operator(reader: Reader, demand: Callable[[str], None], subject: str) -> None:
    # Files of the operator's are served as long as they are there, even if the record is gone.
    if reader.person is not OPERATOR:
        await to_thread.run_sync(demand, subject)


def signed_for(purpose: str, parameter: str) -> Any:
    """Make a dependency that refuses requests without a valid token of the person who asks.

    Args:
        purpose: purpose that the token must be signed for, such as "run".
        parameter: path parameter with the subject that it must be signed for, such as "run_id".
    """

    async def demand(
        request: Request, shared: SharedState, reader: ReaderState, token: str = ""
    ) -> None:
        subject = request.path_params[parameter]
        shared.tokens.demand(purpose, token, subject, person_id=reader.person.id)

    return Depends(demand)
