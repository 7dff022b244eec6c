"""Drop-down that is synchronised with a parameter of the page's address."""

from collections.abc import Mapping

import streamlit as st


def choose_by_address(label: str, names: Mapping[str, str], parameter: str) -> str:
    """Return the chosen id: from the address, else the last choice, else the first.

    Args:
        names: label of each id in the list.
        parameter: name of the address's parameter, such as "dataset".
    """
    choice = f"{parameter}-choice"
    # Streamlit deletes a widget's own state when the page changes, so the choice is copied.
    last_key = f"{parameter}-chosen"
    in_address = st.query_params.get(parameter)
    last = st.session_state.get(last_key)
    if in_address is not None and in_address not in names:
        st.warning(
            f"The {parameter} in this address is not here or was deleted. Another one is shown."
        )
    wanted = in_address if in_address in names else last
    # While the address still names the last choice, the widget may hold a newer one, which counts.
    if wanted in names and (choice not in st.session_state or wanted != last):
        st.session_state[choice] = wanted
    # What was chosen may have been deleted since, by anyone.
    if st.session_state.get(choice) not in names:
        st.session_state.pop(choice, None)
    chosen = str(st.selectbox(label, list(names), format_func=names.__getitem__, key=choice))
    st.session_state[last_key] = chosen
    if chosen != in_address:
        # This drops other parameters, such as an import's, which spoke of the former choice.
        st.query_params.from_dict({parameter: chosen})
    return chosen
