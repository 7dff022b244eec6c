"""Settings and directory of the whole house, by which the gate tells who somebody is."""

from functools import cache

from tl_core.access import Directory
from tl_core.settings import Settings
from tl_ui.resources import get_workspace


def get_settings() -> Settings:
    return get_workspace().settings


@cache
def get_directory() -> Directory:
    return Directory(get_workspace())
