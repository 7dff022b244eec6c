"""Link to the bin, on the pages from which things get into it."""

from tl_core.text import count
from tl_ui.navigation import link
from tl_ui.resources import get_workspace


def link_to_bin() -> None:
    """Draw the link with the number of entries, if there are any."""
    if binned := get_workspace().store.list_bin():
        link("bin", f"Bin ({count(len(binned))})", icon=":material/delete:")
