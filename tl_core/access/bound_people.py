"""People and settings of a store that is bound to a person."""

from typing import Any

from tl_core.access.bound_datasets import Bound
from tl_core.access.limits import LIMITS
from tl_core.errors import NotAllowed
from tl_core.records import Person, Role, Session

READABLE_SETTINGS = (LIMITS,)
"""Settings that everyone may know."""
ADMIN_SETTINGS = (*READABLE_SETTINGS, "classroom", "spaces to erase")
"""Settings that whoever administers may know and make; others, such as salts, are the server's."""


class BoundPeople(Bound):
    """Part of the `Store` contract, for one person: people, sessions and settings."""

    def add_person(
        self, person: Person, *, word: str | None = None, subject: str | None = None
    ) -> bool:
        self.rights.require_admin()
        return self._house.add_person(person, word=word, subject=subject)

    def find_person(
        self, *, person_id: str | None = None, word: str | None = None, subject: str | None = None
    ) -> Person | None:
        # A word or subject is a secret that only the server is told.
        if word is not None or subject is not None:
            raise _servers_own()
        if person_id is None or not self.rights.knows_person(person_id):
            return None
        return self._house.find_person(person_id=person_id)

    def has_shown(self, person_id: str) -> bool:
        _ = self.rights.person
        return self._house.has_shown(person_id)

    def list_people(self) -> list[Person]:
        self.rights.require_lead()
        return self._house.list_people()

    def change_person(
        self,
        person_id: str,
        *,
        name: str | None = None,
        role: Role | None = None,
        word: str | None = None,
        removed_at: float | None = None,
    ) -> Person:
        self.rights.require_admin()
        return self._house.change_person(
            person_id, name=name, role=role, word=word, removed_at=removed_at
        )

    def delete_person(self, person_id: str) -> None:
        self.rights.require_admin()
        self._house.delete_person(person_id)

    def add_session(self, session: Session) -> None:
        raise _servers_own()

    def person_in_session(self, token: str) -> Person | None:
        raise _servers_own()

    def end_session(self, token: str) -> None:
        raise _servers_own()

    def end_sessions(self, person_id: str) -> None:
        if person_id != self.rights.person.id:
            self.rights.require_admin()
        self._house.end_sessions(person_id)

    def drop_ended_sessions(self) -> None:
        raise _servers_own()

    def get_setting(self, name: str) -> Any:
        if name not in READABLE_SETTINGS:
            self.rights.require_admin()
        if name not in ADMIN_SETTINGS:
            raise _servers_own()
        _ = self.rights.person
        return self._house.get_setting(name)

    def put_setting(self, name: str, value: Any, *, keep: bool = False) -> None:
        self.rights.require_admin()
        if name not in ADMIN_SETTINGS:
            raise _servers_own()
        self._house.put_setting(name, value, keep=keep)


def _servers_own() -> NotAllowed:
    return NotAllowed("Sessions, words and their salt are for the server alone.")
