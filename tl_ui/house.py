"""Workspace, runner and directory of the whole house, which act for nobody in particular.

They are for the server's own work: its start and end, sweeps, and telling who somebody is. Pages
and routes take what `tl_ui.resources` and `tl_ui.routes.shared` bind to a person.
"""

from functools import cache
from threading import Semaphore

from tl_core.access import Directory
from tl_core.runners import ProcessRunner, ThreadRunner, make_server_runner
from tl_core.runs.predictor import Predictors
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace
from tl_ui.data.import_jobs import AT_ONCE
from tl_ui.tokens import Tokens


# Not `st.cache_resource`: lifespan and routes call these outside any script of a session.
@cache
def get_settings() -> Settings:
    return Settings.from_environment()


@cache
def get_house() -> Workspace:
    return open_workspace(get_settings())


@cache
def get_house_runner() -> ProcessRunner | ThreadRunner:
    return make_server_runner(get_house())


@cache
def get_house_tokens() -> Tokens:
    return Tokens(get_house().settings.home)


@cache
def get_house_predictors() -> Predictors:
    return Predictors(get_house())


@cache
def get_import_slots() -> Semaphore:
    """Return the places in which imports of all people run at the same time."""
    return Semaphore(AT_ONCE)


@cache
def get_directory() -> Directory:
    return Directory(get_house())
