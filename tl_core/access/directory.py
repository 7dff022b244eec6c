"""Directory of the people who share a server: joining, sessions, the class, limits."""

import secrets
import time
import unicodedata
from dataclasses import dataclass

from tl_core.access.erasing import erase_space, stop_runs
from tl_core.access.limits import LIMITS, PersonLimits, limits_of
from tl_core.access.presence import forget_everyone, person_in_session
from tl_core.access.secrets import (
    digest_of_token,
    digest_of_word,
    new_code,
    new_token,
    new_word,
    same_code,
)
from tl_core.errors import NotAdmitted, NotAllowed, UnknownPerson
from tl_core.locks import hold_lock
from tl_core.records import OPERATOR, Person, Role, Session
from tl_core.text import shorten
from tl_core.workspace import Workspace

LONGEST_NAME = 40
"""Longest name of a person, in characters."""
MOST_PEOPLE = 500
"""Largest number of people who can have joined with the code."""
_CLASSROOM = "classroom"
_SALT = "salt of words"
_TO_ERASE = "spaces to erase"


@dataclass(frozen=True, slots=True)
class Classroom:
    code: str
    """Code with which students join."""
    is_open: bool
    """Marks that students can join; those who did can come back in any case."""


class Directory:
    """People, sessions and the class, kept in the store.

    Over a workspace that is bound to a person, it does what that person may: an admin everything
    but sessions, others little more than look up themselves.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._store = workspace.store

    # People

    def join(self, name: str) -> tuple[Person, str]:
        """Let a student in; return them and the word with which they come back.

        The word is told this once and kept as a digest. The code is not asked for here (`admits`).

        Raises:
            NotAdmitted: joining is closed, or the name is empty, too long or taken.
        """
        if not self.classroom().is_open:
            raise NotAdmitted("Joining is closed at the moment: ask your teacher to open it.")
        word = new_word()
        # Before the lock, since it is slow on purpose.
        digest = self._digest(word)
        # Together, since two who come at once must not both get the name or the last place.
        with hold_lock(self._workspace.artifacts.people_lock):
            person = Person(_new_id(), self._checked_name(name), Role.MEMBER, time.time())
            if self._store.add_person(person, word=digest):
                return person, word
        # Id or word are taken, which hardly ever happens.
        return self.join(name)

    def enter(self, subject: str, name: str, role: Role) -> Person:
        """Let somebody in whom a provider has signed in; what it says of them replaces the earlier.

        Args:
            subject: what the provider calls them, which never changes.

        Raises:
            NotAdmitted: they were removed.
        """
        name = shorten(_cleaned(name), LONGEST_NAME) or "Unnamed"
        person = self._store.find_person(subject=subject)
        if person is None:
            new = Person(_new_id(), name, role, time.time())
            if self._store.add_person(new, subject=subject):
                return new
            # Somebody else has just added them, such as a second tab.
            return self.enter(subject, name, role)
        if person.removed_at is not None:
            raise NotAdmitted("You were removed from here: ask whoever runs this server.")
        if (person.name, person.role) == (name, role):
            return person
        changed = self._store.change_person(person.id, name=name, role=role)
        forget_everyone()
        return changed

    def person_with_word(self, word: str) -> Person | None:
        """Return the student whose word this is; None for a wrong one or a removed student."""
        if not word.strip():
            return None
        person = self._store.find_person(word=self._digest(word))
        return person if person and person.removed_at is None else None

    def renew_word(self, person_id: str) -> str:
        """Give a student who has lost their word another.

        Raises:
            UnknownPerson: nobody has this id.
        """
        word = new_word()
        self._store.change_person(person_id, word=self._digest(word))
        return word

    def people(self, *, also_removed: bool = False) -> list[Person]:
        """List everyone in the order in which they joined."""
        everyone = self._store.list_people()
        return [person for person in everyone if also_removed or person.removed_at is None]

    def person(self, person_id: str) -> Person:
        """Return somebody by id, even a removed one; the operator has the empty id.

        Raises:
            UnknownPerson: nobody has this id.
        """
        if person_id == OPERATOR.id:
            return OPERATOR
        person = self._store.find_person(person_id=person_id)
        if person is None:
            raise UnknownPerson(f"There is nobody with the id {person_id!r}.")
        return person

    def remove(self, person_id: str) -> None:
        """Remove somebody: their sessions end, their runs stop, what they published is withdrawn.

        Their space stays for whoever administers.

        Raises:
            UnknownPerson: nobody has this id.
            NotAllowed: it is they themselves, who could not come back.
        """
        if person_id == self._workspace.person.id:
            raise NotAllowed("You cannot remove yourself: ask somebody else who administers.")
        self._store.change_person(person_id, removed_at=time.time())
        self._store.end_sessions(person_id)
        forget_everyone()
        stop_runs(self._store, person_id)
        self._store.withdraw_runs(person_id)

    def reset(self) -> int:
        """Make room for the next class; return how many spaces could not be erased yet.

        Students are removed with their spaces; the teacher, leads and shared datasets stay. A run
        that has not ended within seconds keeps its space; `sweep` erases what is left.
        """
        self.renew_code()
        students = [p.id for p in self._store.list_people() if p.role is Role.MEMBER]
        for person_id in students:
            self.remove(person_id)
        # Kept, so that what a killed process leaves is erased by the next sweep.
        self._store.put_setting(_TO_ERASE, students)
        return self.sweep()

    def sweep(self) -> int:
        """Erase what a reset has left; return how many spaces could not be erased yet."""
        to_erase: list[str] = self._store.get_setting(_TO_ERASE) or []
        left = [each for each in to_erase if not erase_space(self._workspace, each)]
        for person_id in set(to_erase) - set(left):
            self._store.delete_person(person_id)
        if to_erase:
            self._store.put_setting(_TO_ERASE, left)
            forget_everyone()
        return len(left)

    # Sessions

    def start_session(self, person_id: str, seconds: float) -> str:
        """Start a session of a person's browser, and return its token, which is kept as a digest.

        Raises:
            UnknownPerson: nobody has this id, or they were removed.
        """
        if self.person(person_id).removed_at is not None:
            raise UnknownPerson(f"The person with the id {person_id!r} was removed.")
        token = new_token()
        now = time.time()
        self._store.drop_ended_sessions()
        self._store.add_session(Session(digest_of_token(token), person_id, now, now + seconds))
        return token

    def person_of(self, token: str) -> Person | None:
        """Return whose session this is; None if there is none, it has ended, or they were removed.

        What this process changes counts at once, what another changes within a second.
        """
        return person_in_session(self._store, digest_of_token(token))

    def end_session(self, token: str) -> None:
        self._store.end_session(digest_of_token(token))
        forget_everyone()

    def end_sessions(self, person_id: str) -> None:
        """End all sessions of a person."""
        self._store.end_sessions(person_id)
        forget_everyone()

    # Class

    def classroom(self) -> Classroom:
        """Return the class, which is open to begin with."""
        known = self._store.get_setting(_CLASSROOM)
        if known is None:
            first = {"code": new_code(), "is_open": True}
            self._store.put_setting(_CLASSROOM, first, keep=True)
            # Not `first`: another process may have been faster.
            known = self._store.get_setting(_CLASSROOM)
        return Classroom(known["code"], known["is_open"])

    def admits(self, code: str) -> bool:
        """Return whether this is the code of a class that is open."""
        classroom = self.classroom()
        return same_code(code, classroom.code) and classroom.is_open

    def renew_code(self) -> str:
        """Replace the class's code, so that the old one lets nobody in."""
        code = new_code()
        self._keep(Classroom(code, self.classroom().is_open))
        return code

    def set_open(self, is_open: bool) -> None:
        """Open or close joining."""
        self._keep(Classroom(self.classroom().code, is_open))

    def limits(self) -> PersonLimits:
        """Return the limits of each person who does not administer."""
        return PersonLimits.model_validate(self._store.get_setting(LIMITS) or {})

    def set_limits(self, limits: PersonLimits) -> None:
        self._store.put_setting(LIMITS, limits.model_dump())

    def limits_of(self, person: Person) -> PersonLimits:
        """Return the limits of this person."""
        return limits_of(self._store, person)

    def _keep(self, classroom: Classroom) -> None:
        kept = {"code": classroom.code, "is_open": classroom.is_open}
        self._store.put_setting(_CLASSROOM, kept)

    def _checked_name(self, name: str) -> str:
        name = _cleaned(name)
        if not name:
            raise NotAdmitted("A name is needed: give at least one letter.")
        if len(name) > LONGEST_NAME:
            raise NotAdmitted(f"The name has {len(name)} characters: give at most {LONGEST_NAME}.")
        here = self.people()
        if len(here) >= MOST_PEOPLE:
            raise NotAdmitted(
                f"{MOST_PEOPLE} people have joined, and there is room for no more: ask your "
                "teacher to remove some."
            )
        if any(person.name.casefold() == name.casefold() for person in here):
            raise NotAdmitted(
                f"There is already somebody called {name!r} here: add a letter of your family name."
                " If it is you, come back with your word."
            )
        return name

    def _digest(self, word: str) -> str:
        salt = self._store.get_setting(_SALT)
        if salt is None:
            self._store.put_setting(_SALT, secrets.token_hex(16), keep=True)
            salt = self._store.get_setting(_SALT)
        return digest_of_word(word, salt)


def _new_id() -> str:
    return secrets.token_hex(8)


def _cleaned(name: str) -> str:
    """Drop what cannot be seen, and join what remains with single spaces."""
    # Bounded before it is looked at, since it comes from outside.
    seen = (
        " " if letter.isspace() else letter
        for letter in name[:1_000]
        if letter.isspace() or not unicodedata.category(letter).startswith("C")
    )
    return " ".join("".join(seen).split())
