"""Name of the person signed in, in the header, and what is said to those who are not."""

import streamlit as st

from tl_core.records import OPERATOR, Person
from tl_core.text import shorten
from tl_ui.components.assets import url_base
from tl_ui.markdown import literal
from tl_ui.people import NotSignedIn, current_person, role_word


def admit() -> Person:
    """Return the person for whom the page is drawn; say so and end the script without one."""
    try:
        return current_person()
    except NotSignedIn as error:
        st.title("Not signed in", anchor=False)
        st.markdown(str(error))
        # Not a Markdown link, which opens in a new tab.
        st.html(f'<a class="tl-link" href="{url_base()}/join">Sign in</a>')
        st.stop()


def show_person(person: Person) -> None:
    """Draw name and role of the person in the header, with the way out."""
    if person is OPERATOR:
        return
    # The style sheet finds the container by its key and puts it into the header.
    with (
        st.container(key="person"),
        st.popover(literal(shorten(person.name, 24)), icon=":material/person:", type="tertiary"),
    ):
        st.markdown(f"**{literal(shorten(person.name, 80))}**  \n{role_word(person).capitalize()}")
        st.html(f'<a class="tl-link" href="{url_base()}/leave">Leave</a>')
