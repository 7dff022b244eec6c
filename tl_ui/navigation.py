"""Pages of the app and the links between them, which carry the chosen dataset and run."""

from typing import Any, NoReturn

import streamlit as st

from tl_ui.choice import carry, chosen, chosen_or_newest, note_address
from tl_ui.classroom.words import is_class, is_shared, page_title, wall_title
from tl_ui.components.address import note_page, page_path
from tl_ui.people import current_person
from tl_ui.site_files import SITE

_NAMES = (
    *("data", "explore", "train", "runs", "run", "compare", "optimizers", "try_it", "bin"),
    *("wall", "classroom"),
)
_FILES = {name: SITE / "pages" / f"{name}.py" for name in _NAMES}
_MENU = {
    "data": "Data",
    "explore": "Explore",
    "train": "Train",
    "runs": "Runs",
    "try_it": "Try it",
    "optimizers": "Learn",
}
"""Pages of the menu with their entries, in order."""
_TITLES = {
    **_MENU,
    "optimizers": "Optimizers",
    "run": "Run",
    "compare": "Compare",
    "bin": "Bin",
}
_BELOW = {"run": "runs", "compare": "runs"}
"""Pages that the menu does not have, with the entry that leads to them."""


def make_pages() -> list[Any]:
    """Return all pages; `show_menu` draws the menu."""
    shared = {"wall": wall_title(), "classroom": page_title()} if is_shared() else {}
    return [
        st.Page(_FILES[name], title=title, url_path=_url_path(name), default=name == "data")
        for name, title in {**_TITLES, **shared}.items()
    ]


def _menu() -> dict[str, str]:
    """Return the entries of the menu for the current person."""
    if not is_shared():
        return _MENU
    menu = {**_MENU, "wall": "Wall" if is_class() else "Published"}
    if current_person().leads:
        menu["classroom"] = "Class" if is_class() else "People"
    return menu


def _url_path(name: str) -> str:
    return "try" if name == "try_it" else name


def show_menu(page: Any) -> None:
    """Draw the menu, whose links carry the chosen dataset and run.

    Those of Streamlit's own menu have no parameters, so that each page would choose anew.

    Args:
        page: the page that is drawn, whose entry is marked.
    """
    carried = chosen_or_newest()
    here = next((entry for name, entry in _BELOW.items() if _url_path(name) == page.url_path), "")
    # The style sheet finds the container by its key and puts it into the header.
    with st.container(key="menu", horizontal=True, gap=None):
        for name, title in _menu().items():
            # Streamlit marks the entry of the page itself only; the style sheet marks the other.
            with st.container(key="menu-here" if name == here else None, width="content"):
                st.page_link(_FILES[name], label=title, query_params=carried or None)


def confirm_address(page: Any) -> None:
    """Tell the browser the address that this script is drawn from, if it may not know it.

    After a link from a page to the same page with other parameters, the browser would keep the
    former address, and the next refresh would show the former page again.
    """
    query = st.query_params.to_dict()
    if note_address() != query and page.url_path == page_path():
        # The browser ignores an address that it has already.
        st.query_params.from_dict(query)
    note_page(page.url_path)


def link(
    page: str, label: str, *, icon: str | None = None, primary_key: str | None = None, **query: str
) -> None:
    """Draw a link to a page, which carries the chosen dataset and run.

    The browser's Back button works after it.

    Args:
        page: name of its file, such as "run".
        label: Markdown; user text in it must be `literal`.
        primary_key: unique on the page; makes the link look like the primary button.
        query: parameters of the address, such as `run=run.id`.
    """
    # A container's key becomes a CSS class, by which the style sheet finds the link.
    key = f"next-{primary_key}" if primary_key else None
    with st.container(key=key, width="content"):
        st.page_link(
            _FILES[page], label=label, icon=icon, query_params=carry(chosen(), query) or None
        )


def go(page: str, **query: str) -> NoReturn:
    """Switch to a page at once, at the end of an action; the chosen dataset and run stay chosen.

    Prefer `link` elsewhere: it leaves a proper entry in the browser's history.
    """
    st.switch_page(_FILES[page], query_params=carry(chosen(), query) or None)
