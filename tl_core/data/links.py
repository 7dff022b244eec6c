"""Sentences on links that are not followed, the same for folders and zips."""

from tl_core.data.names import Parts, clean_text
from tl_core.text import shorten

LEADS_OUT = (
    "It is a link that leads out of the folder, which is not followed. Put the files themselves "
    "there."
)
LEADS_NOWHERE = "It is a link to something that is not there."


def read_elsewhere(folder: Parts) -> str:
    """Explain why a link to a folder is left out: its images would count twice."""
    where = f'"{shorten(clean_text("/".join(folder)))}"' if folder else "the whole folder"
    return f"It is a link to {where}, whose images are taken in there, once."
