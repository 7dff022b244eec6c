"""Drop-down that is synchronised with a parameter of the page's address."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from tl_ui.choice import choose
from tl_ui.components.address import complete_address, is_leaving, page_path
from tl_ui.fields import Take, field, place, take_changes


def choose_by_address(
    label: str,
    names: Mapping[str, str],
    parameter: str,
    *,
    default: str | None = None,
    why_not: Mapping[str, str] | None = None,
) -> str:
    """Return the chosen id: the one in the address, else the default.

    Args:
        names: label of each id in the list.
        parameter: name of the address's parameter, "dataset" or "run".
        default: id that is shown if the address names none; without it, the first.
        why_not: sentence, as Markdown, for each id that exists but cannot be chosen (yet).
    """
    # The router has done so already; here it serves pages that are drawn without it.
    take_changes()
    in_address = st.query_params.get(parameter)
    shown = in_address if in_address in names else default or next(iter(names))
    if in_address and in_address in (why_not or {}):
        st.info((why_not or {})[in_address], icon=":material/info:")
    elif in_address != shown:
        if in_address:
            st.warning(
                f"The {parameter} in this address is not here or was deleted. Another one is shown."
            )
        complete_address(parameter, shown)
    # A key for each page: under a common one Streamlit keeps the value on the server while the
    # browser draws the first name.
    take = unless_moved(parameter, shown, partial(choose, parameter))
    key = field(f"{parameter}-choice-{page_path()}", shown, take)
    ids = list(names)
    st.selectbox(label, ids, place(ids, shown), format_func=names.__getitem__, key=key)
    return shown


def unless_moved(parameter: str, shown: str, take: Take) -> Take:
    """Return a receiver of a field's changes that takes none after a move to another address.

    Keys such as Back can be pressed faster than pages are drawn. The browser then tells what a
    field showed before the last move, which is not what the reader chose.

    Args:
        parameter: parameter of the address that the field shows.
        shown: value that the field is being drawn with.
        take: receives what the reader chose.
    """
    # The browser completes an address that lacks the parameter, which is no move.
    drawn_from = (st.query_params.get(parameter), shown)

    def receive(value: str) -> None:
        if not is_leaving() and st.query_params.get(parameter) in drawn_from:
            take(value)

    return receive
