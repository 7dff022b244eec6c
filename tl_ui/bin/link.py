"""Link to the page with bin and storage, on the pages from which things get into the bin."""

from tl_core.text import count
from tl_ui.navigation import link
from tl_ui.resources import get_workspace


def link_to_bin() -> None:
    """Draw the link with the number of entries in the bin, or to what takes how much room."""
    store = get_workspace().store
    if binned := store.list_bin():
        link("bin", f"Bin ({count(len(binned))})", icon=":material/delete:")
    elif store.list_datasets():
        link("bin", "Storage", icon=":material/hard_drive:")
