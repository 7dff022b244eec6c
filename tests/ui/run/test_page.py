"""Pages about runs, over a store filled by hand: no model is loaded."""

import json
import math
import re

import pytest
from filled_pages import (
    CLASSES,
    add_run,
    buttons,
    dataset,
    links,
    open_page,
    pictures,
    words,
    workspace,
)
from google.protobuf.json_format import MessageToJson
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE

from tl_core.datasets.importing import delete_dataset
from tl_core.evaluation.sampling import pick_samples
from tl_core.facts import PlannedPhase, RunFacts, SplitFingerprints
from tl_core.records import (
    PREVIEW,
    Prediction,
    Progress,
    RunState,
)
from tl_core.runs.predictor import Answer
from tl_ui.dataset_view import dataset_images
from tl_ui.run import images as run_images
from tl_ui.run.overview import STATES
from tl_ui.try_it import asking

__all__ = ["add_run", "dataset", "workspace"]


def test_without_runs_the_pages_say_what_will_be_here(workspace):
    for page in ("runs", "try_it"):
        assert links(open_page(page)) == {"Add images or take a sample": ("", "")}
    assert links(open_page("run")) == {"See all runs": ("runs", "")}


def test_with_images_the_next_step_is_to_train(dataset):
    for page in ("runs", "try_it"):
        assert links(open_page(page))["Train a model"] == ("train", "")


def test_an_unknown_run_is_named_literally(workspace):
    app = open_page("run", run=":red[x]")
    assert r"\[x\]" in words(app)
    assert "See all runs" in links(app)


def test_a_finished_run_opens_with_the_sentence_and_its_figures(add_run):
    run = add_run(2, state=RunState.COMPLETED, tested=True)
    app = open_page("run", run=run.id)
    assert app.header[0].value.startswith("Right on 15 of 30 test images")
    assert "not clearly better" in app.warning[0].value
    assert {metric.label: metric.value for metric in app.metric} == {
        "Test accuracy": "50.0 %",
        "Balanced acc.": "50.0 %",
        "Macro precision": "25.0 %",
        "Macro recall": "50.0 %",
        "Macro F1": "33.3 %",
        "Test loss": "0.780",
        "ROC AUC": "0.500",
    }
    assert app.metric[0].delta == "33 to 67 %"
    assert all("Measured on 30 test images." in metric.help for metric in app.metric)
    said = words(app)
    assert "guessing on 50.0 %" in said
    assert "too sure of itself: its confidence is 70.0 %" in said
    assert "15 of 15 images of" in said and "too few to say whether" in said
    assert links(app)["Try it on your own images"] == ("try", f"run={run.id}")
    assert links(app)["Train again with changes"] == (
        "train",
        f"dataset=d1&run={run.id}&like={run.id}",
    )
    assert list(app.dataframe[0].value["n"]) == [15, 15]
    assert "Download the report" in [link.proto.label for link in app.get("link_button")]


@pytest.mark.parametrize(
    ("predictions", "sentence"),
    [
        ([], "There are no predictions to judge"),
        (
            [Prediction(0, 0, (float("nan"), 0.3)), Prediction(1, 1, (0.7, 0.3))],
            "For 1 of 2 test images the model's answers are not numbers: they count as wrong",
        ),
    ],
)
def test_without_usable_answers_the_page_says_what_is_missing(
    workspace, add_run, predictions, sentence
):
    run = add_run(2, state=RunState.COMPLETED, tested=True)
    workspace.store.put_predictions(run.id, "test", 2, predictions)
    app = open_page("run", run=run.id)
    assert not app.metric and not app.dataframe
    said = words(app).replace("\\", "")
    assert sentence in said and "Learning curves" in said and "not clearly better" not in said
    assert "There is no report to pass on" in said and "It cannot be exported" in said
    offered = [link.proto.label for link in app.get("link_button")]
    assert "Download the report" not in offered and "Make the zip" not in buttons(app)


def test_an_earlier_look_at_the_test_set_is_told(workspace, add_run):
    run = add_run(2, state=RunState.COMPLETED, tested=True)
    assert "kept aside until the end" in words(open_page("run", run=run.id))
    workspace.store.update_run(run.id, facts=RunFacts(continues="abcd"))
    said = words(open_page("run", run=run.id)).replace("\\", "")
    assert "looked at before, by the run that this one continues" in said
    assert "until the end" not in said


def test_a_class_that_is_clicked_shows_its_images(add_run):
    run = add_run(1, state=RunState.COMPLETED, tested=True)
    app = open_page("run", run=run.id)
    weakest = app.dataframe[0].value["Class"][0]
    before = pictures(app).count("data-pick")
    app.session_state[f"classes-{run.id}"] = {
        "selection": {"rows": [], "columns": [], "cells": [(0, "F1")]}
    }
    app.run()
    chosen = next(box for box in app.selectbox if box.label.startswith("One class against all"))
    assert CLASSES[chosen.value] == weakest and pictures(app).count("data-pick") == before + 8
    assert "15 test images of" in words(app) and "0 of them recognised" in words(app)
    # The earlier click does not undo a choice in the list.
    chosen.set_value(1 - chosen.value).run()
    assert "15 of them recognised" in words(app) and "test images of other classes" in words(app)


def test_the_images_behind_a_threshold_are_shown_once_asked_for(add_run):
    run = add_run(1, state=RunState.COMPLETED, tested=True)
    app = open_page("run", run=run.id)
    before = pictures(app).count("data-pick")
    app.session_state[f"threshold-open-{run.id}"] = True
    app.run()
    assert pictures(app).count("data-pick") == before + 12
    next(slider for slider in app.slider if slider.label == "Least confidence").set_value(80).run()
    assert pictures(app).count("data-pick") == before and "None." in words(app)


def test_mistakes_can_be_filtered_and_names_stay_text(add_run):
    run = add_run(1, state=RunState.COMPLETED, tested=True)
    app = open_page("run", run=run.id)
    assert pictures(app).count("✗ wrong") == 15
    assert "<img src=x" not in pictures(app)
    app.get("button_group")[1].set_value("loss").run()
    assert (pictures(app).count("✗ wrong"), pictures(app).count("✓ right")) == (15, 9)
    buttons(app)["Show more (6 left)"].click().run()
    assert pictures(app).count("✓ right") == 15
    app.get("button_group")[1].set_value("classes").run()
    # Four images from either end of each class.
    assert (pictures(app).count("✗ wrong"), pictures(app).count("✓ right")) == (8, 8)


def test_names_that_read_from_right_to_left_leave_the_words_around_them_alone(monkeypatch, request):
    """Every name on the page stands in a Unicode isolate, except in tables: cells are isolated."""
    monkeypatch.setattr("filled_pages.CLASSES", ("חתול", "كلب"))
    run = request.getfixturevalue("add_run")(1, state=RunState.COMPLETED, tested=True)
    app = open_page("run", run=run.id)
    selects = {select.label: select for select in app.selectbox}
    selects["Images of a cell"].select_index(0).run()
    protos = [element.proto for element in app.main if element.type != "arrow_data_frame"]
    sent = "".join(MessageToJson(proto, ensure_ascii=False) for proto in protos if proto)
    # A component's data is JSON within the JSON, with escaped letters.
    sent = re.sub(r"\\+u([0-9a-f]{4})", lambda letter: chr(int(letter[1], 16)), sent)
    names = re.compile("חתול|كلب")
    assert len(names.findall(sent)) > 50
    assert not names.search(re.sub("\u2068[^\u2069]*\u2069", "", sent))


def test_a_run_that_was_not_tested_shows_no_test_figure(add_run):
    run = add_run(2, state=RunState.CANCELLED, message="Stopped early.")
    app = open_page("run", run=run.id)
    assert not app.metric
    assert "Stopped early" in app.warning[0].value
    assert "After epoch 2 it was right on 3 of 6 validation images" in words(app)
    assert "Try it on your own images" in links(app)


def test_a_run_that_failed_says_why_and_leads_back(add_run):
    run = add_run(state=RunState.FAILED, message="The *disk* is full.")
    app = open_page("run", run=run.id)
    assert app.error[0].value == r"The \*disk\* is full\."
    assert "Only its settings are kept" in words(app)
    assert links(app) == {
        "Train again with changes": (
            "train",
            f"dataset=d1&run={run.id}&like={run.id}",
        )
    }
    # It would start from the beginning, under the same record.
    assert "Resume" in buttons(app)


def test_a_running_run_can_be_stopped(workspace, add_run):
    run = add_run(1)
    workspace.store.update_run(run.id, progress=Progress("training", 0.4, "epoch 2 of 5", 120.0))
    app = open_page("run", run=run.id)
    assert "Stop: keeps the curve of its 1 finished epoch" in words(app)
    assert "6 validation images, after epoch 1" in words(app)
    buttons(app)["Stop"].click().run()
    assert workspace.store.is_cancel_requested(run.id)
    assert buttons(app)["Stopping…"].disabled


@pytest.mark.parametrize(("frozen", "is_quick"), [(5, True), (4, False)])
def test_while_features_are_made_the_page_says_what_will_be_seen_and_when(
    workspace, add_run, frozen, is_quick
):
    run = add_run()
    rates = (0.0, 0.0, 0.0, 0.0, 0.0, 0.01)
    phase = PlannedPhase(first_epoch=1, last_epoch=10, frozen_stages=frozen, rates=rates)
    progress = Progress("preparing features", 0.5, "588 of 1,112 views of 398 images")
    workspace.store.update_run(run.id, facts=RunFacts(plan=(phase,)), progress=progress)
    said = words(open_page("run", run=run.id))
    assert ("takes moments" in said) is is_quick
    assert "It is not the run's result" in said
    assert "6 validation images, before the first epoch" in said
    assert "the model's answer after each epoch" in said
    assert "keeps the features prepared so far" in said


def test_the_preview_is_shown_while_features_are_made_and_folded_away_afterwards(
    workspace, add_run
):
    run = add_run()
    workspace.store.update_run(run.id, progress=Progress("preparing features", 0.5))
    split = run_images.run_split(run.config.data)
    [position] = pick_samples(dataset_images(run.config.data.dataset_id), split.val, 1)
    told = [Prediction(position, 0, (0.875, 0.125))]
    workspace.store.put_predictions(run.id, PREVIEW, 96, told)
    app = open_page("run", run=run.id)
    assert "6 validation images, preview after 96 training images" in words(app)
    assert "87.5" in pictures(app)
    assert not app.expander or "Accuracy by number" not in app.expander[0].label
    workspace.store.finish_run(run.id, RunState.PAUSED)
    labels = [box.label for box in open_page("run", run=run.id).expander]
    assert "Accuracy by number of training images" not in labels, "nothing was trained"
    finished = add_run(2, state=RunState.COMPLETED, tested=True)
    assert "Accuracy by number of training images" not in [
        box.label for box in open_page("run", run=finished.id).expander
    ]
    workspace.store.put_predictions(finished.id, PREVIEW, 96, told)
    app = open_page("run", run=finished.id)
    assert "Accuracy by number of training images" in [box.label for box in app.expander]
    assert "it is not the run's model" in words(app)


def test_a_running_run_can_be_paused(workspace, add_run):
    run = add_run(1)
    app = open_page("run", run=run.id)
    assert "the unfinished epoch is done again when you resume" in words(app)
    buttons(app)["Pause"].click().run()
    assert workspace.store.asked_of(run.id) == "pause"
    assert buttons(app)["Pausing…"].disabled
    assert not buttons(app)["Stop"].disabled


def test_a_note_that_comes_while_a_run_is_under_way_does_not_move_its_buttons(workspace, add_run):
    run = add_run(1)
    workspace.store.update_run(run.id, facts=RunFacts(notes=("Something is odd.",)))
    shown = [
        (element.type, getattr(element, "label", ""))
        for element in open_page("run", run=run.id).main
    ]
    assert shown.index(("button", "Pause")) < next(i for i, e in enumerate(shown) if e[0] == "info")


@pytest.mark.parametrize(
    "state", [RunState.PAUSED, RunState.INTERRUPTED, RunState.CANCELLED, RunState.FAILED]
)
def test_a_run_that_did_not_reach_its_end_can_be_resumed(workspace, add_run, state):
    run = add_run(2, state=state, resumable=True)
    app = open_page("run", run=run.id)
    assert "It goes on with epoch 3 of 5" in words(app)
    assert app.header[0].value == STATES[state][0].capitalize()
    assert "no test figure" not in app.header[0].value
    assert links(app)["Train again with changes"] == (
        "train",
        f"dataset=d1&run={run.id}&like={run.id}",
    )
    buttons(app)["Resume"].click().run()
    assert not app.exception
    assert workspace.store.get_run(run.id).state is RunState.QUEUED


@pytest.mark.parametrize("is_right", [True, False])
def test_a_run_without_mistakes_says_so_first(workspace, add_run, is_right):
    run = add_run(2, state=RunState.COMPLETED, tested=True)
    answers = (0.7, 0.3) if is_right else (0.3, 0.7)
    predictions = [Prediction(0, 0, answers), Prediction(1, 1, (0.2, 0.8))]
    workspace.store.put_predictions(run.id, "test", 3, predictions)
    said = [getattr(element, "value", None) for element in open_page("run", run=run.id).main]
    said = [value for value in said if isinstance(value, str)]
    first = said[said.index("Misclassified images") + 1]
    assert ("No mistakes on the test images" in first) == is_right


def test_what_was_not_kept_cannot_be_resumed(add_run):
    app = open_page("run", run=add_run(2, state=RunState.INTERRUPTED).id)
    assert "Resume" not in buttons(app)
    assert "Train again with changes" in links(app)


def test_a_run_that_was_paused_in_the_queue_goes_back_into_it(workspace, add_run):
    run = add_run(start=False)
    workspace.store.request_pause(run.id)
    app = open_page("run", run=run.id)
    assert "begins with epoch 1 of 5" in words(app)
    buttons(app)["Resume"].click().run()
    assert workspace.store.get_run(run.id).state is RunState.QUEUED


def test_a_completed_run_is_continued_by_a_new_one(workspace, add_run):
    run = add_run(5, state=RunState.COMPLETED, tested=True, resumable=True)
    app = open_page("run", run=run.id)
    assert "test set is looked at once a run" in words(app)
    assert app.number_input[0].value == 10
    app.number_input[0].set_value(7).run()
    buttons(app)["Continue for 2 more"].click().run()
    assert not app.exception
    (new,) = (other for other in workspace.store.list_runs() if other.id != run.id)
    assert (new.config.train.epochs, new.facts.continues, new.epochs_done) == (7, run.id, 5)
    assert links(open_page("run", run=new.id))[f"Carries on from run {run.id}"] == (
        "run",
        f"run={run.id}",
    )


@pytest.mark.parametrize("state", [None, RunState.COMPLETED])
def test_notes_of_a_run_are_shown_unfolded(workspace, add_run, state):
    run = add_run(1, state=state)
    note = "Memory ran short, so *8* images are looked at at a time."
    workspace.store.update_run(run.id, facts=RunFacts(notes=(note,)))
    assert r"\*8\*" in open_page("run", run=run.id).info[0].value


def test_mixed_images_have_no_training_accuracy_and_the_page_says_why(workspace, add_run):
    run = add_run(1, settings={"mixup": 0.2})
    assert "its images were mixed" in words(open_page("run", run=run.id))


def test_a_queued_run_knows_its_place_and_can_leave(workspace, add_run):
    first = add_run(1)
    run = add_run(start=False)
    app = open_page("run", run=run.id)
    assert "1 run is ahead" in words(app)
    assert links(app)["See the one that is running"] == ("run", f"run={first.id}")
    buttons(app)["Take it out of the queue"].click().run()
    assert workspace.store.get_run(run.id).state is RunState.CANCELLED
    assert "Cancelled before it started" in words(app)


def test_figures_outlive_the_dataset(workspace, add_run):
    run = add_run(1, state=RunState.COMPLETED, tested=True)
    delete_dataset(workspace.store, workspace.artifacts, "d1")
    app = open_page("run", run=run.id)
    assert app.header[0].value.startswith("Right on 15 of 30")
    assert "its images are gone" in words(app)
    assert set(app.dataframe[1].value["True class"]) == {CLASSES[1]}
    assert "Its dataset was deleted: choose another" in links(app)


def test_the_list_has_every_run(add_run):
    add_run(2, state=RunState.COMPLETED, tested=True)
    add_run(1, state=RunState.INTERRUPTED)
    add_run(1)
    add_run(start=False)
    rows = listed_runs(open_page("runs"))
    states = ["waiting", "running", "interrupted", "completed"]
    epochs = ["0 of 5", "1 of 5", "1 of 5", "2 of 5"]
    for row, state, done in zip(rows, states, epochs, strict=True):
        assert state in row and done in row
    assert ["of 30 test images" in row for row in rows] == [False, False, False, True]
    assert "50.0 %" in rows[3]


def listed_runs(app):
    """Return the HTML of each row of the list of runs."""
    return pictures(app).partition("<tbody>")[2].split("</tr>")[:-1]


def test_try_it_takes_the_run_that_the_address_names(add_run):
    older = add_run(1, state=RunState.COMPLETED, tested=True)
    newer = add_run(1)
    add_run(state=RunState.FAILED)
    assert open_page("try_it").selectbox[0].value == newer.id
    assert open_page("try_it", run=older.id).selectbox[0].value == older.id


def test_try_it_puts_favourites_first_and_calls_runs_by_their_names(workspace, add_run):
    older = add_run(1)
    newer = add_run(1)
    workspace.store.annotate_run(older.id, is_favourite=True, title="For the *demo*")
    choice = open_page("try_it").selectbox[0]
    assert choice.value == older.id
    assert choice.options[0].startswith("★ For the *demo*: ") and newer.id in choice.options[1]


def test_try_it_asks_the_model_about_test_images_once(add_run, monkeypatch):
    asked = []

    class Parrot:
        levels = None

        def predict(self, files):
            asked.extend(name for name, _ in files)
            return [Answer(name, ((CLASSES[0], 0.8), (CLASSES[1], 0.2))) for name, _ in files]

    monkeypatch.setattr(asking, "get_predictor", lambda run: Parrot())
    run = add_run(1)
    other = add_run(1)
    app = open_page("try_it", run=run.id)
    buttons(app)["Ask the model about these"].click().run()
    assert not app.exception
    assert "What it says to 6 images" in words(app)
    assert len(asked) == 6
    before = pictures(app)
    app.toggle(key="with-camera").set_value(True).run()
    assert not app.exception
    assert app.selectbox[0].value == run.id
    assert "What it says to 6 images" in words(app)
    assert pictures(app) == before
    assert len(asked) == 6
    # Another model has not been asked, and is not asked unbidden.
    app.selectbox[0].set_value(other.id).run()
    assert "What it says to" not in words(app)


def test_a_click_on_a_cell_or_its_name_in_the_list_shows_its_images(add_run):
    run = add_run(1, state=RunState.COMPLETED, tested=True)
    app = open_page("run", run=run.id)
    cells = next(box for box in app.selectbox if box.label == "Images of a cell")
    assert cells.options[0].endswith("taken for <img src=x onerror=alert(1)>: 15 images")
    cells.set_value((1, 0)).run()
    assert not app.exception
    charts = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    assert [data["marked"] for data in charts if data.get("marked")] == [[0, 1]]
    assert "15 of 15 test images of" in words(app)


def test_one_class_is_set_against_all_others(add_run):
    app = open_page("run", run=add_run(1, state=RunState.COMPLETED, tested=True).id)
    next(box for box in app.selectbox if box.label.startswith("One class")).set_value(0).run()
    assert not app.exception
    assert "ROC curve** (receiver operating characteristic)" in words(app)


def test_what_people_say_of_a_run_is_kept_and_shown_as_text(workspace, add_run):
    run = add_run(1, state=RunState.COMPLETED, tested=True)
    app = open_page("run", run=run.id)
    for field, text in (("Name", ":red[my] run"), ("Tags", "a, ,b ,a"), ("Note", "<b>why</b>")):
        next(one for one in [*app.text_input, *app.text_area] if one.label == field).set_value(text)
    before = app.get("popover")[0].proto.id
    buttons(app)["Keep"].click().run()
    assert app.get("popover")[0].proto.id != before, "a new popover is closed"
    said = workspace.store.get_run(run.id)
    assert (said.title, said.tags, said.note) == (":red[my] run", ("a", "b"), "<b>why</b>")
    buttons(app)["Make it a favourite"].click().run()
    assert workspace.store.get_run(run.id).is_favourite and "★ Favourite" in buttons(app)
    assert r"\[my\]" in app.title[0].value and "<b>why</b>" in [text.value for text in app.text]
    other = add_run(1, state=RunState.COMPLETED, tested=True)
    named, unnamed = listed_runs(open_page("runs"))
    assert f'href="run?run={run.id}">:red[my] run</a>' in named and "★" in named
    assert f'href="run?run={other.id}">*Pets* :red[x]</a>' in unnamed


def write(app, **texts):
    for field in (one for one in [*app.text_input, *app.text_area] if one.label in texts):
        field.set_value(texts[field.label])
    buttons(app)["Keep"].click().run()


def test_two_who_annotate_at_once_do_not_overwrite_each_other(workspace, add_run):
    run = add_run(1, state=RunState.COMPLETED, tested=True)
    one = open_page("run", run=run.id)
    two = open_page("run", run=run.id)
    write(one, Note="of the first", Tags="a")
    write(two, Name="of the second")
    said = workspace.store.get_run(run.id)
    assert (said.title, said.tags, said.note) == ("of the second", ("a",), "of the first")
    assert "of the first" in [text.value for text in two.text]
    # The last to write has changed the name and nothing else.
    write(one, Name="of the first")
    said = workspace.store.get_run(run.id)
    assert (said.title, said.tags, said.note) == ("of the first", ("a",), "of the first")
    write(two, Name="again of the second", Note="")
    said = workspace.store.get_run(run.id)
    assert (said.title, said.tags, said.note) == ("again of the second", ("a",), "")
    # This form still shows an older name and note.
    write(one, Tags="a, b")
    said = workspace.store.get_run(run.id)
    assert (said.title, said.tags, said.note) == ("again of the second", ("a", "b"), "")
    two.run()
    assert next(one for one in two.text_input if one.label == "Tags").value == "a, b"


def test_a_star_that_two_set_at_once_stays(workspace, add_run):
    run = add_run(1, state=RunState.COMPLETED, tested=True)
    one = open_page("run", run=run.id)
    two = open_page("run", run=run.id)
    for app in (one, two):
        buttons(app)["Make it a favourite"].click().run()
    assert workspace.store.get_run(run.id).is_favourite and "★ Favourite" in buttons(two)


# Comparing


def test_runs_are_compared_by_a_figure_what_differs_and_a_verdict_in_words(workspace, add_run):
    one = add_run(2, state=RunState.COMPLETED, tested=True)
    two = add_run(
        2, state=RunState.COMPLETED, tested=True, settings={"seed": 1, "optimizer": "sgd"}
    )
    same = SplitFingerprints(train="x", val=one.id, test="x")
    other_val = SplitFingerprints(train="x", val=two.id, test="x")
    workspace.store.update_run(one.id, facts=RunFacts(split_fingerprint=same))
    workspace.store.update_run(two.id, facts=RunFacts(split_fingerprint=other_val))
    app = open_page("compare", runs=f"{one.id},{two.id}")
    assert list(app.dataframe[0].value.columns[1:5]) == [
        "Name",
        "Test accuracy",
        "95 % interval",
        "n",
    ]
    assert set(app.dataframe[0].value.columns[5:7]) == {"Optimizer", "Seed"}
    assert "tie: each was right on" in words(app)
    assert "The same model: both give" in words(app)
    assert "They have the same settings" not in words(app)
    assert "Really" in pictures(app)


def test_runs_with_other_test_sets_and_untested_ones_are_not_ranked(workspace, add_run):
    one, two = (add_run(2, state=RunState.COMPLETED, tested=True) for _ in range(2))
    stopped = add_run(1, state=RunState.CANCELLED)
    app = open_page("compare", runs=",".join([one.id, two.id, stopped.id, "gone"]))
    said = words(app)
    assert "cannot be ranked" in said and "stands alone" in said
    assert "not all validated on the same images" in said
    assert "Not tested, and so not ranked" in said and "**gone**" in said


def test_each_group_that_shares_its_test_images_shows_them(workspace, add_run):
    runs = [
        add_run(2, state=RunState.COMPLETED, tested=True, settings={"seed": seed})
        for seed in range(4)
    ]
    for place, run in enumerate(runs):
        test = "x" if place < 2 else "y"
        print_of = SplitFingerprints(train="same", val="same", test=test)
        workspace.store.update_run(run.id, facts=RunFacts(split_fingerprint=print_of))
    app = open_page("compare", runs=",".join(run.id for run in runs))
    assert "not all validated on the same images" not in words(app)
    (groups,) = (box for box in app.selectbox if "same images" in box.label)
    assert groups.options == ["seed 0, seed 1", "seed 2, seed 3"]
    assert "seed 0:" in pictures(app)
    groups.set_value(1).run()
    assert not app.exception and "seed 2:" in pictures(app) and "seed 0:" not in pictures(app)


@pytest.mark.parametrize("wanted", ["", "gone", "gone,also gone"])
def test_fewer_than_two_runs_lead_to_the_list(workspace, wanted):
    assert "Choose runs" in links(open_page("compare", runs=wanted))


def test_the_image_of_an_address_opens_large_with_its_likeliest_classes(add_run):
    run = add_run(2, state=RunState.COMPLETED, tested=True)
    app = open_page("run", run=run.id, image="1")
    assert "wrong: answered" in words(app) and "<img src" not in words(app)
    choice = next(box for box in app.selectbox if box.label == "Heat-map of class")
    assert choice.options == [f"70.0 % {CLASSES[0]}", f"30.0 % {CLASSES[1]}, what it is"]
    assert {"Previous", "Next"} <= set(buttons(app))
    assert "wrong: answered" not in words(open_page("run", run=run.id, image="999999"))


def test_answers_that_are_no_numbers_can_be_gone_through(add_run, workspace):
    run = add_run(2, state=RunState.COMPLETED, tested=True)
    nothing = [Prediction(i, i % 2, (math.nan, math.nan)) for i in range(4)]
    workspace.store.put_predictions(run.id, "test", 2, nothing)
    assert "not a number" in words(open_page("run", run=run.id, image="1"))


def test_a_single_image_has_none_before_and_after_it(add_run, workspace):
    run = add_run(2, state=RunState.COMPLETED, tested=True)
    workspace.store.put_predictions(run.id, "test", 2, [Prediction(1, 1, (0.7, 0.3))])
    shown = buttons(open_page("run", run=run.id, image="1"))
    assert shown["Previous"].disabled and shown["Next"].disabled


def test_the_samples_may_be_drawn_in_their_former_and_their_new_place_at_once(add_run):
    run = add_run(2)

    def both_places(run_id):
        import streamlit as st

        from tl_ui.run.live_samples import _show_samples

        for is_below_curves, column in enumerate(st.columns(2)):
            with column:
                _show_samples(run_id, bool(is_below_curves))

    app = AppTest.from_function(both_places, kwargs={"run_id": run.id}, default_timeout=PATIENCE)
    assert not app.run().exception
    assert len(app.subheader) == 2
