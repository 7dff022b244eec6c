"""Images dropped without class folders: the user names their class, drop by drop.

They become a dataset once there are two classes.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import streamlit as st

from tl_core.data.decoders import get_decoders
from tl_core.data.names import is_junk
from tl_core.data.sources import Source, loose_images
from tl_core.text import natural_key, number_of, rarest_first, shorten
from tl_ui.data.uploads import PersonUploads
from tl_ui.markdown import literal
from tl_ui.resources import get_uploads, get_workspace

_MOST_NAMED = 8
_WAITING = "loose-waiting"
_NAMED = "loose-named"


@dataclass(frozen=True, slots=True)
class Drop:
    """Files that were dropped together."""

    upload_id: str
    n_images: int
    others: tuple[tuple[str, str], ...]
    """Name (user text) and reason of each file that is not a usable image."""


def is_something_waiting() -> bool:
    """Tell if this session has dropped images that are not in a dataset yet."""
    return bool(st.session_state.get(_WAITING) or st.session_state.get(_NAMED))


def put_aside(upload_id: str) -> None:
    """Check an upload and keep it across pages until its images have a class."""
    limits = get_workspace().settings.limits
    with st.spinner("Looking at the files…", show_time=False):
        entries = get_uploads().get(upload_id).entries()
        decoders = get_decoders()
        # Without what systems leave behind, as in the dataset later.
        files = [(name, path) for name, path in entries if not is_junk((name,))]
        reasons = [(name, decoders.why_no_image(path, limits.max_pixels)) for name, path in files]
    others = tuple((name, reason) for name, reason in reasons if reason)
    st.session_state.setdefault(_WAITING, []).append(
        Drop(upload_id, len(files) - len(others), others)
    )


def take_loose_images() -> tuple[str, AbstractContextManager[Source]] | None:
    """Ask for classes and show them; return name and images once the dataset is requested."""
    drops: list[Drop] = st.session_state.get(_WAITING, [])
    # Uploads expire when idle, and a restart of the server forgets them.
    waiting = [drop for drop in drops if get_uploads().is_open(drop.upload_id)]
    st.session_state[_WAITING] = waiting
    if waiting and _ask_for_class(waiting[0]):
        del waiting[0]
        st.rerun()
    return _show_named()


def _ask_for_class(drop: Drop) -> bool:
    """List the unusable files and ask for the class of the images; True once it is settled."""
    if drop.others:
        st.warning(others_words(drop), icon=":material/block:")
    if not drop.n_images:
        is_done = st.button("Dismiss", key=f"without-{drop.upload_id}")
        if is_done:
            get_uploads().close(drop.upload_id)
        return is_done
    with st.form(f"loose-{drop.upload_id}", clear_on_submit=True):
        st.markdown(f"**You dropped {number_of(drop.n_images, 'image')}.** What do they show?")
        name = st.text_input(
            "Class of these images", placeholder="for example: cat", max_chars=200
        ).strip()
        is_done = st.form_submit_button("Add to the dataset", type="primary") and bool(name)
    if is_done:
        st.session_state.setdefault(_NAMED, []).append((name, drop))
    return is_done


def others_words(drop: Drop) -> str:
    """List the unusable files with the reason for each, as Markdown."""
    some = [
        f"**{literal(shorten(name, 80))}**: {literal(reason)}"
        for name, reason in rarest_first(drop.others, by=itemgetter(1))[:_MOST_NAMED]
    ]
    more = len(drop.others) - len(some)
    verb, kind = ("is", "no image") if len(drop.others) == 1 else ("are", "no images")
    end = f" and {verb} left out." if drop.n_images else ". Nothing was added."
    lines = [f"{number_of(len(drop.others), 'file')} {verb} {kind} that can be used{end}", *some]
    if more:
        lines.append(f"and {number_of(more, 'more file', 'more files')}")
    return "\n- ".join(lines)


def _show_named() -> tuple[str, AbstractContextManager[Source]] | None:
    named: list[tuple[str, Drop]] = st.session_state.get(_NAMED, [])
    if not named:
        return None
    classes = sorted({name for name, _ in named}, key=natural_key)
    sizes = []
    for class_name in classes:
        n_images = sum(drop.n_images for name, drop in named if name == class_name)
        sizes.append(f"**{literal(class_name)}** ({number_of(n_images, 'image')})")
    st.markdown(f"So far: {', '.join(sizes)}.")
    dataset_name = ""
    is_requested = False
    if len(classes) < 2:
        st.markdown("Drop images of another class: a model needs at least two to tell apart.")
    else:
        with st.form("basket", border=False):
            dataset_name = st.text_input("Name of the dataset", value="My images", max_chars=200)
            is_requested = st.form_submit_button("Make the dataset", type="primary")
    if is_requested:
        del st.session_state[_NAMED]
        return dataset_name.strip() or "My images", _opened(get_uploads(), named)
    if st.button("Start over", key="empty-basket"):
        for _, drop in named:
            get_uploads().close(drop.upload_id)
        del st.session_state[_NAMED]
        st.rerun()
    return None


@contextmanager
def _opened(uploads: PersonUploads, named: list[tuple[str, Drop]]) -> Iterator[Source]:
    # Entered in the import's thread, where nobody's page is drawn.
    classes: dict[str, list[tuple[str, Path]]] = {}
    # All uploads stay on disk until the import has read them.
    with ExitStack() as stack:
        for class_name, drop in named:
            # Unusable files are passed on too: the dataset records what was left out and why.
            upload = stack.enter_context(uploads.take(drop.upload_id))
            classes.setdefault(class_name, []).extend(upload.entries())
        yield loose_images(classes)
