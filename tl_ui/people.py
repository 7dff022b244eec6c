"""Person for whom a page is drawn or a request is answered."""

from streamlit.runtime.scriptrunner import get_script_run_ctx

from tl_core.access.presence import person_with_id
from tl_core.errors import TransferLabError
from tl_core.records import OPERATOR, Person, Role, Run
from tl_core.store import Store
from tl_ui.house import get_house, get_settings

HEADER = "x-transferlab-person"
"""Request header with the id of the person, which the gate in front of the app alone may set."""
_CLAIM = "person"
"""Name under which `.streamlit/config.toml` has Streamlit keep that header with a session."""


class NotSignedIn(TransferLabError):
    """Nobody that is known here asks."""

    status = 401


def current_person() -> Person:
    """Return the person whose browser the running script draws for.

    Streamlit ties a session to the header that it began with: a browser that reconnects as
    somebody else gets a new session, and finds nothing of the former one.

    Raises:
        NotSignedIn: nobody is signed in, or the person was removed.
    """
    if get_settings().access == "open":
        return OPERATOR
    return find_person(get_house().store, _signed_in_id())


def _signed_in_id() -> str:
    # Not `st.user`, which looks for a file of secrets each time it is read.
    return person_of_page()


def person_of_page() -> str:
    """Return the id of the person for whom this thread draws a page; empty outside of pages."""
    # Streamlit itself would warn, which is logged, and asked again for whom.
    context = get_script_run_ctx(suppress_warning=True)
    return str(context.user_info.get(_CLAIM) or "") if context else ""


def find_person(store: Store, person_id: str) -> Person:
    """Return the person with an id, in an app where people sign in.

    Args:
        store: the house's own.

    Raises:
        NotSignedIn: nobody here has this id, or the person was removed.
    """
    person = person_with_id(store, person_id) if person_id else None
    if person is None or person.removed_at is not None:
        raise NotSignedIn("You are not signed in, or were removed. Sign in again to continue.")
    return person


def name_of(person_id: str) -> str:
    """Return the name of somebody who shows something to everyone. User text."""
    person = person_with_id(get_house().store, person_id) if person_id else None
    return person.name if person else "whoever runs this server"


def may_see_all(run: Run) -> bool:
    """Tell if the current person may see all of a run, and not only what is published of it."""
    person = current_person()
    return person.leads or run.owner == person.id


def role_word(person: Person) -> str:
    """Return the role of a person, as it is called here."""
    if get_settings().access == "classroom":
        return {Role.MEMBER: "student", Role.LEAD: "assistant", Role.ADMIN: "teacher"}[person.role]
    return {Role.MEMBER: "member", Role.LEAD: "lead", Role.ADMIN: "administrator"}[person.role]


def for_everyone() -> str:
    """Return words for a deletion where everything is everyone's; elsewhere nothing.

    Without sign-in, others are let in only where that was insisted on.
    """
    is_shared = current_person() is OPERATOR and get_settings().allow_open
    return " for everyone" if is_shared else ""
