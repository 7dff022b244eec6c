"""Training settings of a run, facts it recorded, and what it takes to reproduce it."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from tl_core.config import RunConfig, knob_help
from tl_core.glossary import GLOSSARY
from tl_core.presets import changed_settings
from tl_core.records import Run
from tl_core.runs.cautions import split_warnings
from tl_core.runs.cost import circumstances, training_cost
from tl_core.runs.summary import backbone_title, changes_of, depth_words, is_busy, seconds_taken
from tl_core.text import duration, html_text, number_of, percent, share
from tl_ui.run.phases import phase_rows, plan_sentence
from tl_ui.setting_labels import label, value_words

# Doubled class names outweigh Streamlit's own rules for headings and lists.
_STYLE = """<style>
.tl-facts { margin: 0 0 1rem; }
.tl-facts.tl-facts h3 { font-size: 1rem; font-weight: 600; margin: 0.75rem 0 0.25rem;
  padding: 0; }
.tl-facts.tl-facts dl { display: grid; grid-template-columns: minmax(9rem, 15rem) 1fr;
  margin: 0; padding: 0; }
.tl-facts.tl-facts dt, .tl-facts.tl-facts dd { margin: 0; padding: 0.3rem 0.75rem 0.3rem 0;
  overflow-wrap: anywhere;
  border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
.tl-facts small { display: block; font-size: 0.8125rem; line-height: 1.4;
  color: color-mix(in srgb, currentColor 72%, transparent); }
.tl-facts table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.tl-facts td, .tl-facts th { text-align: left; padding: 0.3rem 1.5rem 0.3rem 0; font-weight: 400;
  border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
.tl-facts thead th { font-weight: 600; border-top: none; }
@media (max-width: 640px) { .tl-facts.tl-facts dl { grid-template-columns: 1fr; }
  .tl-facts.tl-facts dd { border-top: none; padding-top: 0; }
  .tl-facts.tl-facts dt { font-weight: 600; padding-bottom: 0; }
  .tl-facts td, .tl-facts th { padding-right: 0.6rem; } }
</style>"""
_PHASE_COLUMNS = ("Epochs", "Frozen", "Learning rate of the head", "Learning rate of the stages")


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a list: a term, its value and a sentence about the term."""

    term: str
    value: str
    """Plain text; may hold user text."""
    explanation: str = ""


def show_settings(run: Run) -> None:
    """Draw training settings and reproducibility, both folded."""
    with st.expander("Training settings", icon=":material/tune:"):
        st.caption(f"What it {'is' if is_busy(run) else 'was'} trained with.")
        st.html(settings_html(settings(run), phase_rows(run)))
    with st.expander("Reproducibility", icon=":material/fingerprint:"):
        st.caption("To repeat it exactly, all of this has to be the same.")
        st.html(settings_html([("", record(run))]))
        st.caption("On the command line, in the environment of this server:")
        st.code(command_line(run.config), language=None, wrap_lines=True)


def settings(run: Run) -> list[tuple[str, list[Fact]]]:
    """Return groups of facts as (heading, facts), without empty groups."""
    groups = [
        ("Changed from the defaults", changed_facts(changes_of(run))),
        ("Model", _model_facts(run)),
        ("Training", _training_facts(run)),
        ("Images", _image_facts(run)),
        ("Time", _time_facts(run)),
    ]
    # A run that has not started has recorded no facts yet.
    return [(heading, facts) for heading, facts in groups if facts]


def changed_facts(changed: Mapping[str, Any]) -> list[Fact]:
    """Return the settings that differ from the defaults, each with its help sentence."""
    if not changed:
        return [Fact("Nothing", "all settings are the defaults")]
    return [
        Fact(label(name), value_words(name, value), knob_help(name))
        for name, value in changed.items()
    ]


def _model_facts(run: Run) -> list[Fact]:
    model = run.config.model
    widths = ", ".join(map(str, model.hidden_units))
    facts = [
        Fact("Backbone", backbone_title(model), GLOSSARY["backbone"]),
        Fact("Depth", depth_words(model), GLOSSARY["freeze"]),
        Fact("Head", f"hidden layers of {widths} units" if widths else "linear", GLOSSARY["head"]),
    ]
    if weights := run.facts.weights:
        facts.append(Fact("Initial weights", weights))
    trained = run.facts.trainable_parameters
    total = run.facts.total_parameters
    if trained is not None and total:
        words = "Weights that learn; those of frozen stages do not."
        facts.append(Fact("Trainable parameters", share(trained, total), words))
    return facts


def _training_facts(run: Run) -> list[Fact]:
    train = run.config.train
    facts = [
        Fact("Epochs", f"{run.epochs_done} of {train.epochs} done", GLOSSARY["epoch"]),
        Fact("Optimizer", value_words("optimizer", train.optimizer), GLOSSARY["optimizer"]),
        Fact("Batch size", number_of(train.images_per_batch, "image"), GLOSSARY["batch size"]),
    ]
    if micro := run.facts.micro_batch:
        words = f"{number_of(micro, 'image')} at a time, their gradients added up: memory ran short"
        facts.append(Fact("Gradient accumulation", words))
    if sentence := plan_sentence(run):
        facts.append(Fact("Plan", sentence, GLOSSARY["learning rate"]))
    if views := run.facts.cached_views:
        words = f"{number_of(views, 'view')} of each training image"
        # A single cached view is the same in every epoch.
        if views == 1 and run.config.augment.is_on:
            words += ", so augmentation had no effect"
        facts.append(Fact("Cached behind the frozen stages", words))
    if maker := run.facts.features_by:
        words = (
            "Once for each image; later runs with the same frozen stages use it again. "
            "ONNX Runtime rounds differently, which AdamW amplifies; with "
            "TRANSFERLAB_FROZEN_BY=pytorch the operator of this server turns it off."
        )
        facts.append(Fact("Frozen stages computed by", maker, words))
    if sentence := run.facts.compiled:
        facts.append(Fact("Compiled", sentence))
    if note := run.facts.precision_note:
        facts.append(Fact("Kept in float32", note))
    if note := run.facts.cache_note:
        facts.append(Fact("Nothing is cached", note))
    return facts


def _image_facts(run: Run) -> list[Fact]:
    data = run.config.data
    facts = [Fact("Dataset", run.dataset_name)]
    if splits := run.facts.splits:
        facts += [
            Fact("Training", number_of(splits.train, "image")),
            Fact("Validation", number_of(splits.val, "image"), GLOSSARY["validation"]),
            Fact("Test", number_of(splits.test, "image"), GLOSSARY["test set"]),
        ]
    fractions = f"{percent(data.val_fraction)} validation, {percent(data.test_fraction)} test"
    facts.append(Fact("Split", f"{fractions}, unless the dataset came with its own"))
    facts += [Fact("About the split", warning) for warning in split_warnings(run)]
    return facts


def _time_facts(run: Run) -> list[Fact]:
    stages = run.facts.seconds_by_stage
    facts = [Fact(stage.capitalize(), duration(seconds)) for stage, seconds in stages.items()]
    taken = seconds_taken(run)
    # The list is not refreshed while the run is under way, and its time would stand still.
    if taken is not None and not is_busy(run):
        facts.append(Fact("In all", duration(taken)))
        facts += [Fact("On the clock", words) for words in circumstances(run)]
    cost = training_cost(run)
    if cost is not None:
        facts.append(Fact("Training cost", duration(cost), GLOSSARY["training cost"]))
    return facts


def record(run: Run) -> list[Fact]:
    """Return what has to be equal for equal figures: images, split, seeds, software, device."""
    dataset_words = "A fingerprint of its images and classes."
    split_words = "Fingerprints of the images on each side: the same images give the same digits."
    facts = [
        Fact("Run", run.id),
        Fact("Dataset", run.config.data.dataset_id, dataset_words),
        Fact("Split", _listed(dict(run.facts.split_fingerprint or {})), split_words),
        Fact("Seed of the split", str(run.config.data.split_seed), knob_help("split_seed")),
        Fact("Seed", str(run.config.train.seed), GLOSSARY["seed"]),
        Fact("Device", run.facts.device),
        Fact("Images read by", _threads(run)),
        Fact("Software", _listed(run.facts.environment)),
    ]
    # Runs of older versions, and those that have not started, lack some of them.
    return [fact for fact in facts if fact.value]


def _threads(run: Run) -> str:
    n = run.facts.workers
    return number_of(n, "thread") if n else ""


def _listed(words: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {word}" for name, word in words.items())


def command_line(config: RunConfig) -> str:
    """Return the shell command that trains with these settings."""
    changed = (
        f"--set {shlex.quote(f'{name}={_as_argument(value)}')}"
        # The command begins with the same defaults, so that only changes need to be given.
        for name, value in changed_settings(config).items()
    )
    return " ".join(["python -m tl_core train", shlex.quote(config.data.dataset_id), *changed])


def _as_argument(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    # The command line takes an empty value for None.
    return json.dumps(value).replace("null", "")


def settings_html(
    groups: Sequence[tuple[str, Sequence[Fact]]], plan: Sequence[Sequence[str]] = ()
) -> str:
    """Return lists of facts under their headings as HTML.

    Args:
        plan: rows of the phases; a table of them comes first if there are several.
    """
    # A single phase is told in a sentence among the facts.
    table = _plan_html(plan) if len(plan) > 1 else ""
    parts = [
        f"{_heading(heading)}<dl>{''.join(map(_fact_html, facts))}</dl>"
        for heading, facts in groups
    ]
    return f'{_STYLE}<div class="tl-facts">{table}{"".join(parts)}</div>'


def _heading(words: str) -> str:
    return f"<h3>{html_text(words)}</h3>" if words else ""


def _plan_html(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{word}</th>' for word in _PHASE_COLUMNS)
    body = "".join(
        f"<tr>{''.join(f'<td>{html_text(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"{_heading('Plan')}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _fact_html(fact: Fact) -> str:
    words = f"<small>{html_text(fact.explanation)}</small>" if fact.explanation else ""
    return f"<dt>{html_text(fact.term)}</dt><dd>{html_text(fact.value)}{words}</dd>"
