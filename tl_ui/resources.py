"""Objects that pages work with, each bound to the person for whom the page is drawn."""

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from tl_core.access import BoundRunner, MinuteWatch, bind
from tl_core.bin import BinClock
from tl_core.errors import TransferLabError
from tl_core.memory import give_back_memory
from tl_core.records import OPERATOR, Run
from tl_core.runners import Runner
from tl_core.runs.predictor import Predictor, Predictors
from tl_core.store.absent import no_run
from tl_core.workspace import Workspace
from tl_ui.caching import cached_by_person
from tl_ui.data.import_jobs import Imports
from tl_ui.data.uploads import PersonUploads, uploads_for
from tl_ui.ending import end_in_time
from tl_ui.gate.invitation import announce
from tl_ui.house import (
    get_directory,
    get_house,
    get_house_predictors,
    get_house_runner,
    get_house_tokens,
    get_import_slots,
    get_settings,
)
from tl_ui.people import current_person, may_see_all
from tl_ui.tokens import PersonTokens

_MOST_PEOPLE = 1000


@cached_by_person(_MOST_PEOPLE)
def get_workspace() -> Workspace:
    """Return the workspace as far as the person may use it."""
    return bind(get_house(), current_person())


@cached_by_person(_MOST_PEOPLE)
def get_runner() -> Runner:
    runner = get_house_runner()
    person = current_person()
    return runner if person is OPERATOR else BoundRunner(runner, person)


@cached_by_person(_MOST_PEOPLE)
def get_tokens() -> PersonTokens:
    return PersonTokens(get_house_tokens(), current_person().id)


@cached_by_person(_MOST_PEOPLE)
def get_imports() -> Imports:
    """Return the person's own imports, which take turns with those of all others."""
    return Imports(get_workspace(), get_import_slots())


def get_uploads() -> PersonUploads:
    return uploads_for(get_settings()).of(current_person().id)


def get_predictors() -> Predictors:
    return get_house_predictors()


def get_predictor(run: Run) -> Predictor:
    """Return the predictor of the run's best checkpoint so far; it stays loaded.

    Raises:
        RunNotReady: the run has no checkpoint yet.
        UnknownRun: its model is not for the person, even if it is loaded.
    """
    if not may_see_all(run):
        raise no_run(run.id)
    return get_predictors().get(run)


def _end_server(sentence: str) -> NoReturn:
    """End this process at once: Uvicorn would print a traceback around any exception."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
    os._exit(2)


def look_after_house() -> None:
    """Return idle memory to the system, and erase what a class has left; called now and then."""
    get_house_predictors().let_go_idle()
    # What pages and models have freed is kept to be used again, by the server for good.
    give_back_memory()
    get_directory().sweep()


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Start the runner with the server and interrupt it cleanly when the server ends."""
    try:
        get_house_runner().start()
    except TransferLabError as error:
        # Better no server than one that cannot train; the sentence tells the operator why.
        _end_server(str(error))
    # Garbage that is frozen is never freed.
    gc.collect()
    # Later collections then skip the objects of the libraries, which live as long as the process.
    gc.freeze()
    clock = BinClock(get_house(), look_after_house)
    clock.start()
    minutes = MinuteWatch(get_house().store)
    minutes.start()
    announce(get_settings(), get_directory())
    end_in_time(get_house_runner().shutdown)
    try:
        yield
    finally:
        clock.stop()
        minutes.stop()
        get_house_runner().shutdown()
