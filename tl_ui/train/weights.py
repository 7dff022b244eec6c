"""Initial weights: ImageNet's, random ones, a file, an upload, or a model on Hugging Face."""

import re
import shutil
import uuid
from pathlib import Path, PureWindowsPath
from typing import BinaryIO

import streamlit as st

from tl_core.access import check_room
from tl_core.backbones import get_backbone, list_weights_files
from tl_core.errors import ConfigError, TransferLabError, WeightsMismatch
from tl_core.glossary import GLOSSARY
from tl_core.locks import hold_lock
from tl_core.records import OPERATOR
from tl_core.text import size
from tl_core.weights_files.look import look_into
from tl_core.weights_files.tensors import SUFFIXES
from tl_ui.components.upload import upload_dropzone
from tl_ui.data.upload_kinds import MOST_WEIGHTS_BYTES, WEIGHTS
from tl_ui.fields import field, place
from tl_ui.markdown import literal
from tl_ui.resources import get_tokens, get_uploads, get_workspace
from tl_ui.setting_labels import label
from tl_ui.train.widgets import check, get_form, knob_key

_SENDS_WITH = "weights-with"
"""Session key: token of the upload."""
_RANDOM = "random"
_HUB = "hf:"


def choose_weights() -> None:
    """Choose the initial weights, with a field for a Hugging Face name."""
    form = get_form()
    folders = get_workspace().weights_folders
    files = [f"file:{name}" for name in list_weights_files(folders)]
    current = choice_of(form["pretrained"], form["weights"])
    options = ["imagenet", _RANDOM, *files, _HUB]
    if current not in options:
        # Settings of an earlier run may name a file that is no longer here.
        options.append(current)
    st.selectbox(
        label("weights"),
        options,
        place(options, current),
        format_func=weights_words,
        key=field(knob_key("weights"), current, _take_weights),
        help=f"{GLOSSARY['pretrained']} {GLOSSARY['weights file']}",
    )
    if current == _HUB:
        _choose_hub(form)


def offer_own_weights() -> None:
    """Offer to upload a weights file, which then is the choice."""
    with st.popover(
        "Use a weights file of your own", icon=":material/upload_file:", type="tertiary"
    ):
        _upload()


def choice_of(pretrained: bool, weights: str) -> str:
    """Return the entry of the list that stands for the two settings."""
    if not pretrained:
        return _RANDOM
    return _HUB if weights.startswith(_HUB) else weights


def weights_words(choice: str) -> str:
    """Return the title of an entry. May contain user text."""
    if choice.startswith("file:"):
        return f"The file {choice.removeprefix('file:')}"
    return {
        "imagenet": "Weights pretrained on ImageNet",
        _RANDOM: "Random weights (from scratch)",
        _HUB: "A model on Hugging Face",
    }.get(choice, choice)


def _take_weights(chosen: str) -> None:
    form = get_form()
    if chosen == _RANDOM:
        # Random weights that are frozen never learn, so every stage is trained.
        if form["pretrained"]:
            st.session_state["frozen-before"] = form["frozen_stages"]
        form |= {
            "pretrained": False,
            "frozen_stages": 0,
            "frozen_layers": "",
            "frozen_names": "",
            "unfreeze": "never",
        }
        return
    if not form["pretrained"]:
        form["frozen_stages"] = st.session_state.get("frozen-before", "all")
    form |= {"pretrained": True, "weights": chosen}


def _choose_hub(form: dict[str, object]) -> None:
    name = str(form["weights"]).removeprefix(_HUB)
    st.text_input(
        "Owner and name on Hugging Face",
        name,
        key=field("hub-name", name, _take_hub),
        placeholder="timm/resnet50.a1_in1k",
        autocomplete="off",
        help="Weights of the same kind of network. Tensors that fit are loaded; the run's page "
        "lists them.",
    )
    if not name:
        st.caption("Give the model's owner and name, such as timm/resnet50\\.a1\\_in1k.")
    elif wrong := check("weights", form["weights"]):
        st.error(literal(wrong))


def _take_hub(name: str) -> None:
    get_form()["weights"] = _HUB + name.strip()


def _upload() -> None:
    workspace = get_workspace()
    uploads = get_uploads()
    if _SENDS_WITH not in st.session_state:
        st.session_state[_SENDS_WITH] = get_tokens().sign("upload", WEIGHTS.new_id())
    # Not Streamlit's own uploader, which keeps files in the server's memory.
    sent = upload_dropzone(
        key="weights-zone",
        token=st.session_state[_SENDS_WITH],
        uploads=uploads,
        kind=WEIGHTS,
        words={
            "title": "Drop a weights file here",
            "hint": f"{' or '.join(SUFFIXES)}, up to {size(MOST_WEIGHTS_BYTES)}",
            "choose": "Choose a weights file",
            "what": WEIGHTS.called,
            "accept": ",".join(SUFFIXES),
        },
    )
    whose = "for everyone who uses it" if workspace.person == OPERATOR else "for your runs alone"
    st.caption(
        "Weights of the same kind of network. Only tensors are read from it: a file that wants to "
        f"run code is refused. It stays on this machine, {whose}. The run's page lists the tensors "
        "that fitted."
    )
    if sent is None:
        return
    folder = workspace.artifacts.weights_folder(workspace.person.id)
    try:
        with (
            st.spinner("Looking into the file…", show_time=False),
            uploads.take(sent["upload_id"]) as upload,
        ):
            given_name, path = upload.entries()[0]
            check_room(workspace, path.stat().st_size)
            with path.open("rb") as file:
                name = keep_weights_file(file, given_name, folder)
    except TransferLabError as error:
        st.error(literal(str(error)))
        return
    get_form().update(pretrained=True, weights=f"file:{name}")
    st.rerun()


def keep_weights_file(file: BinaryIO, name: str, folder: Path) -> str:
    """Store a weights file and return its name there.

    Args:
        name: its original name. User text; never used as a path.

    Raises:
        ConfigError: it is no weights file, or the disk is full.
    """
    stem, suffix = plain_name(name)
    if suffix not in SUFFIXES:
        suffixes = ", ".join(SUFFIXES)
        raise ConfigError(f"{name!r} is no weights file: give one that ends in {suffixes}.")
    folder.mkdir(parents=True, exist_ok=True)
    # Written under a hidden name first: a broken file is never listed.
    part = folder / f".{uuid.uuid4().hex}{suffix}"
    try:
        with part.open("wb") as out:
            shutil.copyfileobj(file, out)
        try:
            # A file that no run could load is refused at once; its shapes suffice to tell.
            look_into(part)
        except WeightsMismatch as error:
            # The message names the hidden file, of which the user knows nothing.
            raise ConfigError(str(error).replace(part.name, name)) from error
        # Two uploads of one name at once must not take the same free one.
        with hold_lock(folder / ".names.lock"):
            target = _free_name(folder, stem, suffix)
            part.replace(target)
    except OSError as error:
        raise ConfigError(
            f"{name!r} could not be stored ({error.strerror}): make room on the disk."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return target.name


def _free_name(folder: Path, stem: str, suffix: str) -> Path:
    names = (f"{stem}{suffix}", *(f"{stem}-{n}{suffix}" for n in range(2, 1000)))
    return next(folder / name for name in names if not (folder / name).exists())


def plain_name(name: str) -> tuple[str, str]:
    """Return (stem, suffix) of letters, digits and `.-_`; the stem is never a backbone's name.

    A file with a backbone's name would be taken for its ImageNet weights.
    """
    # Some clients send a whole path, on Windows with backslashes.
    path = Path(name.replace("\\", "/").rsplit("/", 1)[-1])
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip(".-_")[:80] or "weights"
    if PureWindowsPath(stem).is_reserved():
        return f"own-{stem}", path.suffix.lower()
    try:
        get_backbone(stem)
    except TransferLabError:
        return stem, path.suffix.lower()
    return f"own-{stem}", path.suffix.lower()
