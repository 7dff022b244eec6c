"""Workspaces on both databases, with people in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from store.conftest import postgres, postgres_url, sqlite_url, url  # noqa: F401

from tl_core.access import Directory, bind
from tl_core.records import Person, Role
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace


@dataclass(frozen=True)
class Class:
    """Installation with a teacher, a lead and two students."""

    house: Workspace
    directory: Directory
    teacher: Person
    lead: Person
    ann: Person
    bob: Person

    def of(self, person: Person) -> Workspace:
        return bind(self.house, person)


@pytest.fixture
def school(tmp_path: Path, url: str) -> Iterator[Class]:  # noqa: F811
    house = open_workspace(Settings(home=tmp_path / "home", database_url=url))
    directory = Directory(house)
    teacher = directory.enter("teacher", "Ms Marple", Role.ADMIN)
    lead = directory.enter("lead", "Mr Stringer", Role.LEAD)
    ann, _ = directory.join("Ann")
    bob, _ = directory.join("Bob")
    yield Class(house, directory, teacher, lead, ann, bob)
    house.store.close()
