"""Presets on the Train page: they fill the form, and changes since then are always shown."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from tl_core.backbones import find_weights, get_backbone
from tl_core.config import KNOBS, AugmentConfig, ModelConfig, RunConfig, make_run_config
from tl_core.errors import TransferLabError
from tl_core.glossary import GLOSSARY
from tl_core.presets import ANY_DATASET, PRESETS, changed_settings
from tl_core.records import Run
from tl_core.text import isolated, shorten
from tl_ui.fields import field, place
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.setting_labels import flat, kind, label, value_words
from tl_ui.train.augmentation import KINDS, augment_config, kind_of
from tl_ui.train.widgets import as_form, fill_form, get_form

DOWNLOAD_FIRST = " – needs a download"
_CHOICE = "preset-choice"
_MOST_NAMED = 6
"""Number of changes that are listed; of a preset's settings, twice as many."""
_DATA = ("val_fraction", "test_fraction", "split_seed")


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """Source of the form's values: a built-in preset, a saved one, or an earlier run."""

    id: str
    title: str
    """User text."""
    description: str
    """User text."""
    config: RunConfig


def starts() -> dict[str, StartingPoint]:
    """Return all presets by id, the built-in ones first."""
    built_in = [
        # The prefixes keep a saved preset apart from a built-in one of the same name.
        StartingPoint(f"preset:{p.name}", p.title, p.description, p.config)
        for p in PRESETS.values()
    ]
    saved = [
        StartingPoint(f"saved:{p.name}", p.name, p.description, p.config)
        for p in get_workspace().store.list_presets()
    ]
    return {start.id: start for start in [*built_in, *saved]}


def start_like(run: Run) -> StartingPoint:
    title = f"Run {run.id} on {isolated(run.dataset_name)}"
    description = "The settings of an earlier run, to be trained again with changes."
    return StartingPoint(f"run:{run.id}", title, description, run.config)


def follow_address() -> None:
    """Fill the form, once, from the run that the address names with `like`."""
    like = st.query_params.get("like")
    # Streamlit drops a widget's value when the page changes.
    just_entered = _CHOICE not in st.session_state
    if not like or not (just_entered or st.session_state.get("like-done") != like):
        return
    st.session_state["like-done"] = like
    try:
        run = get_workspace().store.get_run(like)
    except TransferLabError as error:
        st.warning(literal(str(error)))
        return
    _begin(start_like(run))
    dataset_ids = {dataset.id for dataset in get_workspace().store.list_datasets()}
    if run.config.data.dataset_id in dataset_ids:
        # The reader may have chosen another dataset for these settings before a reload.
        st.query_params.setdefault("dataset", run.config.data.dataset_id)
    else:
        st.warning(
            "The images of that run have been deleted; its settings are filled in for others."
        )


def choose_start() -> None:
    """Choose a preset and show its settings."""
    known = starts()
    current = current_start()
    if current.id not in known:
        # An earlier run, or a preset that was deleted meanwhile.
        known = {current.id: current, **known}
    st.selectbox(
        "Preset",
        list(known),
        place(list(known), current.id),
        format_func=lambda start_id: _title(known[start_id]),
        key=field(_CHOICE, current.id, _take_choice),
        help=GLOSSARY["preset"],
    )
    # A saved preset may have been overwritten since it filled the form.
    current = known[current.id]
    st.markdown(literal(current.description))
    _show_settings(current)


def _title(start: StartingPoint) -> str:
    title = isolated(shorten(start.title, 80))
    return title + DOWNLOAD_FIRST if must_download(start.config.model) else title


def must_download(model: ModelConfig) -> bool:
    """Report that the ImageNet weights of the model are not on this machine."""
    if not model.pretrained or model.weights.startswith(("file:", "hf:")):
        return False
    try:
        backbone = get_backbone(model.backbone)
    except TransferLabError:
        # A preset saved by another version may name a backbone that this one lacks.
        return False
    return find_weights(backbone, get_workspace().weights_folders) is None


def current_start() -> StartingPoint:
    start: StartingPoint = st.session_state.setdefault(
        "train-start", starts()["preset:feature-extraction"]
    )
    return start


def _begin(start: StartingPoint) -> None:
    st.session_state["train-start"] = start
    fill_form(start.config)


def _take_choice(chosen: str) -> None:
    if start := starts().get(chosen):
        _begin(start)
        # Otherwise a reload would fill the form from that run again.
        st.query_params.pop("like", None)


def _show_settings(start: StartingPoint) -> None:
    badges = [
        f":gray-badge[{literal(label(name))}: {literal(shorten(value_words(name, value), 40))}]"
        for name, value in changed_settings(start.config).items()
        if name not in _DATA
    ]
    if not badges:
        st.caption("The default settings.")
        return
    hidden = len(badges) - 2 * _MOST_NAMED
    more = f" and {hidden} more" if hidden > 0 else ""
    st.markdown(f"Sets {' '.join(badges[: 2 * _MOST_NAMED])}{more}")


def show_changes() -> None:
    """Show what differs from the preset; drawn below the form, so that no field moves by it."""
    start = current_start()
    # A saved preset may have been overwritten since it filled the form.
    start = starts().get(start.id, start)
    changes = changed_knobs(get_form(), start.config)
    if not changes:
        return
    named = "; ".join(changes[:_MOST_NAMED])
    more = f"; and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
    st.markdown(
        f":material/edit: Changed from **{literal(shorten(start.title, 60))}**: {named}{more}."
    )
    st.button(
        "Undo the changes", type="tertiary", icon=":material/undo:", on_click=_begin, args=(start,)
    )


def changed_knobs(form: dict[str, Any], config: RunConfig) -> list[str]:
    """Return `Epochs 10 → 3` for each setting that differs from `config`, for Markdown."""
    before = as_form(config)
    values = flat(config)
    changed = [
        name for name in KNOBS if _normalised(name, form[name]) != _normalised(name, before[name])
    ]
    words = []
    for name in changed:
        # Augmentation has many settings, so it counts as one change.
        if KNOBS[name] != "augment":
            old = literal(value_words(name, values[name]))
            words.append(f"{literal(label(name))} {old} → {literal(_form_words(name, form[name]))}")
    if len(words) < len(changed):
        old = _kind_words(config.augment)
        words.append(f"Augmentation {old} → {_kind_words(augment_config(form))}")
    return words


def _kind_words(config: AugmentConfig | None) -> str:
    return {**KINDS, "own": "own settings"}[kind_of(config)]


def _normalised(name: str, value: Any) -> Any:
    """Make equal values compare equal: `1e-3` and `0.001`, `256 ,64` and `256, 64`."""
    if kind(name) != "text" or not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",")]
    return tuple(_number(part) for part in parts)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _form_words(name: str, value: Any) -> str:
    return shorten(value_words(name, value if value != "" else None), 40)


def offer_saving() -> None:
    """Offer to save the form's settings as a preset, and to delete a saved one."""
    popover = st.popover("Save as preset", icon=":material/bookmark_add:", type="tertiary")
    with popover.form("save-preset", border=False):
        name = st.text_input("Name", max_chars=80, autocomplete="off")
        description = st.text_area("Description", max_chars=300, height=80)
        if st.form_submit_button("Save", type="primary"):
            _save(name, description, make_run_config(ANY_DATASET, get_form()))
    current = current_start()
    # Someone else may have deleted it.
    if current.id.startswith("saved:") and current.id in starts():
        st.button(
            "Delete this preset",
            type="tertiary",
            icon=":material/delete:",
            on_click=_delete,
            args=(current,),
        )


def _save(name: str, description: str, config: RunConfig) -> None:
    try:
        saved = get_workspace().store.save_preset(name, description, config)
    except TransferLabError as error:
        st.error(literal(str(error)))
        return
    # The form holds these values already, so it need not be filled.
    start = StartingPoint(f"saved:{saved.name}", saved.name, saved.description, saved.config)
    st.session_state["train-start"] = start
    st.rerun()


def _delete(start: StartingPoint) -> None:
    get_workspace().store.delete_preset(start.title)
    _begin(starts()["preset:feature-extraction"])
