"""Presets on the page: a way to fill the form and nothing more. What was changed since is always said."""

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
from tl_ui.fields import field
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.train.augmentation import KINDS, augment_config, kind_of
from tl_ui.train.widgets import as_form, fill_form, flat, get_form, kind, label, value_words

DOWNLOAD_FIRST = " – needs a download"
_CHOICE = "preset-choice"
_MOST_NAMED = 6
_DATA = ("val_fraction", "test_fraction", "split_seed")


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """Where the form's values came from: a preset of ours, one of the person's, or an earlier run."""

    id: str
    title: str
    """User text."""
    description: str
    """User text."""
    config: RunConfig


def starts() -> dict[str, StartingPoint]:
    """All that the form can be filled from, the app's own first."""
    ours = [
        StartingPoint(f"preset:{p.name}", p.title, p.description, p.config)
        for p in PRESETS.values()
    ]
    saved = [
        StartingPoint(f"saved:{p.name}", p.name, p.description, p.config)
        for p in get_workspace().store.list_presets()
    ]
    return {start.id: start for start in [*ours, *saved]}


def start_like(run: Run) -> StartingPoint:
    title = f"Run {run.id} on {isolated(run.dataset_name)}"
    return StartingPoint(
        f"run:{run.id}",
        title,
        "The settings of an earlier run, to be trained again with changes.",
        run.config,
    )


def follow_address() -> None:
    """Fill the form from the run that the address names with `like`, once, when the page is entered by it."""
    like = st.query_params.get("like")
    just_entered = (
        _CHOICE not in st.session_state
    )  # the widget's own value goes when the page changes
    if not like or not (just_entered or st.session_state.get("like-done") != like):
        return
    st.session_state["like-done"] = like
    try:
        run = get_workspace().store.get_run(like)
    except TransferLabError as error:
        st.warning(literal(str(error)))
        return
    _begin(start_like(run))
    if any(
        dataset.id == run.config.data.dataset_id
        for dataset in get_workspace().store.list_datasets()
    ):
        st.query_params["dataset"] = run.config.data.dataset_id
    else:
        st.warning(
            "The images of that run have been deleted; its settings are filled in for others."
        )


def choose_start() -> None:
    """The drop-down, what it sets, and what was changed since."""
    known, current = starts(), current_start()
    if current.id not in known:
        known = {current.id: current, **known}
    st.selectbox(
        "Preset",
        list(known),
        format_func=lambda id: (
            isolated(shorten(known[id].title, 80))
            + DOWNLOAD_FIRST * must_download(known[id].config.model)
        ),
        key=field(_CHOICE, current.id, _take_choice),
        help=GLOSSARY["preset"],
    )
    current = known[current.id]
    st.markdown(literal(current.description))
    _show_what_it_sets(current)
    _show_changes(current)


def must_download(model: ModelConfig) -> bool:
    """Whether the ImageNet weights that it starts from are not on this machine."""
    if not model.pretrained or model.weights.startswith(("file:", "hf:")):
        return False
    try:
        backbone = get_backbone(model.backbone)
    except TransferLabError:  # kept by another version
        return False
    return find_weights(backbone, get_workspace().settings.weights_folders) is None


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
        st.query_params.pop("like", None)


def _show_what_it_sets(start: StartingPoint) -> None:
    sets = {
        name: value for name, value in changed_settings(start.config).items() if name not in _DATA
    }
    badges = [f":gray-badge[{_said(name, value)}]" for name, value in sets.items()]
    if not badges:
        st.caption("The usual settings: what you get when you choose nothing.")
        return
    more = f" and {len(badges) - 2 * _MOST_NAMED} more" if len(badges) > 2 * _MOST_NAMED else ""
    st.markdown(f"Sets {' '.join(badges[: 2 * _MOST_NAMED])}{more}")


def _said(name: str, value: Any) -> str:
    return f"{literal(label(name))}: {literal(shorten(value_words(name, value), 40))}"


def _show_changes(start: StartingPoint) -> None:
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
    """`Epochs 10 → 3` for every setting that the form has otherwise than `config`, for Markdown."""
    before, values = as_form(config), flat(config)
    changed = [name for name in KNOBS if _settled(name, form[name]) != _settled(name, before[name])]
    told = [
        f"{literal(label(name))} {literal(value_words(name, values[name]))} → {literal(_form_words(name, form[name]))}"
        for name in changed
        if KNOBS[name] != "augment"  # many sliders: told as one
    ]
    if len(told) < len(changed):
        told.append(
            f"Augmentation {_kind_words(config.augment)} → {_kind_words(augment_config(form))}"
        )
    return told


def _kind_words(config: AugmentConfig | None) -> str:
    return {**KINDS, "own": "own settings"}[kind_of(config)]


def _settled(name: str, value: Any) -> Any:
    """A field's text without what makes no difference: `1e-3` is `0.001`, `256 ,64` is `256, 64`."""
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
    """Keep the form's settings under a name, and forget a preset of one's own."""
    popover = st.popover("Save as preset", icon=":material/bookmark_add:", type="tertiary")
    with popover.form("save-preset", border=False):
        name = st.text_input("Name", max_chars=80, autocomplete="off")
        description = st.text_area("What it is for", max_chars=300, height=80)
        if st.form_submit_button("Save", type="primary"):
            _save(name, description, make_run_config(ANY_DATASET, get_form()))
    current = current_start()
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
    st.session_state["train-start"] = StartingPoint(
        f"saved:{saved.name}", saved.name, saved.description, saved.config
    )
    st.rerun()


def _delete(start: StartingPoint) -> None:
    get_workspace().store.delete_preset(start.title)
    _begin(starts()["preset:feature-extraction"])
