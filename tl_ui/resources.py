"""Objects that all sessions of this process share: workspace, runner, tokens, loaded models."""

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, NoReturn

from tl_core.access import Directory, MinuteWatch
from tl_core.bin import BinClock
from tl_core.errors import TransferLabError
from tl_core.records import Run
from tl_core.runners import ProcessRunner, ThreadRunner, make_server_runner
from tl_core.runs.predictor import Predictor, Predictors
from tl_core.workspace import Workspace, open_workspace
from tl_ui.data.import_jobs import Imports
from tl_ui.gate.invitation import announce
from tl_ui.tokens import Tokens


# Not `st.cache_resource`: lifespan and routes call these outside any script of a session.
@cache
def get_workspace() -> Workspace:
    return open_workspace()


@cache
def get_runner() -> ProcessRunner | ThreadRunner:
    return make_server_runner(get_workspace())


@cache
def get_tokens() -> Tokens:
    return Tokens(get_workspace().settings.home)


@cache
def get_imports() -> Imports:
    return Imports(get_workspace())


@cache
def get_predictors() -> Predictors:
    return Predictors(get_workspace())


def get_predictor(run: Run) -> Predictor:
    """Return the predictor of the run's best checkpoint so far; it stays loaded.

    Raises:
        RunNotReady: the run has no checkpoint yet.
    """
    return get_predictors().get(run)


def _end_server(sentence: str) -> NoReturn:
    """End this process at once: Uvicorn would print a traceback around any exception."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
    os._exit(2)


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Start the runner with the server and interrupt it cleanly when the server ends."""
    try:
        get_runner().start()
    except TransferLabError as error:
        # Better no server than one that cannot train; the sentence tells the operator why.
        _end_server(str(error))
    # Garbage that is frozen is never freed.
    gc.collect()
    # Later collections then skip the objects of the libraries, which live as long as the process.
    gc.freeze()
    clock = BinClock(get_workspace(), Directory(get_workspace()).sweep)
    clock.start()
    minutes = MinuteWatch(get_workspace().store)
    minutes.start()
    announce(get_workspace().settings, Directory(get_workspace()))
    try:
        yield
    finally:
        clock.stop()
        minutes.stop()
        get_runner().shutdown()
