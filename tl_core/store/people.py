"""People in the database, their sessions, and what is set for everyone."""

import time
from typing import Any

from sqlalchemy import Row, Select, delete, select, update

from tl_core.errors import UnknownPerson
from tl_core.records import Person, Role, Session
from tl_core.store.database import Database
from tl_core.store.tables import house_settings, people, sessions, training_time, turns

_OF_PERSON = (people.c.id, people.c.name, people.c.role, people.c.joined_at, people.c.removed_at)


class SqlPeople(Database):
    """Part of the `Store` contract: people, sessions and settings for everyone."""

    def add_person(
        self, person: Person, *, word: str | None = None, subject: str | None = None
    ) -> bool:
        values = {
            "id": person.id,
            "name": person.name,
            "role": person.role,
            "joined_at": person.joined_at,
            "removed_at": person.removed_at,
            "word": word,
            "subject": subject,
        }
        with self.writing() as connection:
            # The insertion itself finds out, since two may come with one subject at once.
            insert = self.insert_new(people).values(values).returning(people.c.id)
            return connection.execute(insert).first() is not None

    def find_person(
        self, *, person_id: str | None = None, word: str | None = None, subject: str | None = None
    ) -> Person | None:
        asked = {"id": person_id, "word": word, "subject": subject}
        conditions = [people.c[name] == value for name, value in asked.items() if value is not None]
        if not conditions:
            return None
        return self._person(select(*_OF_PERSON).where(*conditions))

    def list_people(self) -> list[Person]:
        query = select(*_OF_PERSON).order_by(people.c.joined_at, people.c.id)
        with self.reading() as connection:
            return [_person_of(row) for row in connection.execute(query)]

    def change_person(
        self,
        person_id: str,
        *,
        name: str | None = None,
        role: Role | None = None,
        word: str | None = None,
        removed_at: float | None = None,
    ) -> Person:
        asked = {"name": name, "role": role, "word": word, "removed_at": removed_at}
        changes = {field: value for field, value in asked.items() if value is not None}
        with self.writing() as connection:
            change = update(people).where(people.c.id == person_id)
            if changes:
                connection.execute(change.values(changes))
            row = connection.execute(select(*_OF_PERSON).where(people.c.id == person_id)).first()
        if row is None:
            raise UnknownPerson(f"There is nobody with the id {person_id!r}.")
        return _person_of(row)

    def delete_person(self, person_id: str) -> None:
        with self.writing() as connection:
            for table in (turns, training_time):
                connection.execute(delete(table).where(table.c.owner == person_id))
            connection.execute(delete(people).where(people.c.id == person_id))

    def add_session(self, session: Session) -> None:
        values = {name: getattr(session, name) for name in session.__slots__}
        with self.writing() as connection:
            connection.execute(sessions.insert().values(values))

    def person_in_session(self, token: str) -> Person | None:
        is_theirs = (sessions.c.token == token, sessions.c.ends_at > time.time())
        joined = select(*_OF_PERSON).join(sessions, sessions.c.person_id == people.c.id)
        return self._person(joined.where(*is_theirs, people.c.removed_at.is_(None)))

    def end_session(self, token: str) -> None:
        with self.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.token == token))

    def end_sessions(self, person_id: str) -> None:
        with self.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.person_id == person_id))

    def drop_ended_sessions(self) -> None:
        with self.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.ends_at <= time.time()))

    def get_setting(self, name: str) -> Any:
        query = select(house_settings.c.value).where(house_settings.c.name == name)
        with self.reading() as connection:
            return connection.execute(query).scalar()

    def put_setting(self, name: str, value: Any, *, keep: bool = False) -> None:
        row = self.insert(house_settings).values(name=name, value=value)
        if keep:
            row = row.on_conflict_do_nothing()
        else:
            row = row.on_conflict_do_update(index_elements=["name"], set_={"value": value})
        with self.writing() as connection:
            connection.execute(row)

    def _person(self, query: Select[Any]) -> Person | None:
        with self.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _person_of(row)


def _person_of(row: Row[*tuple[Any, ...]]) -> Person:
    return Person(**{**row._mapping, "role": Role(row.role)})
