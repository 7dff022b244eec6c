"""A drop-down that follows the page's address, and sets it."""

from collections.abc import Mapping

import streamlit as st


def choose_by_address(label: str, names: Mapping[str, str], parameter: str) -> str:
    """The id that was chosen; without one in the address, the last choice, or else the first.

    Args:
        names: what to call each id in the list.
        parameter: of the address, such as "dataset".
    """
    choice, last_key = (
        f"{parameter}-choice",
        f"{parameter}-chosen",
    )  # the widget's own goes when the page changes
    in_address, last = st.query_params.get(parameter), st.session_state.get(last_key)
    if in_address is not None and in_address not in names:
        st.warning(
            f"The {parameter} of this address is not here, or not any more; this is another."
        )
    wanted = in_address if in_address in names else last
    if wanted in names and (choice not in st.session_state or wanted != last):
        st.session_state[choice] = wanted
    if st.session_state.get(choice) not in names:
        st.session_state.pop(choice, None)
    chosen = str(st.selectbox(label, list(names), format_func=names.__getitem__, key=choice))
    st.session_state[last_key] = chosen
    if chosen != in_address:
        st.query_params.from_dict({parameter: chosen})
    return chosen
