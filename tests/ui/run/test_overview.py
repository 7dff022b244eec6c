import re

import pytest

from tl_core.config import make_run_config
from tl_core.events import STAGES
from tl_core.records import Prediction, Progress, Run, RunState
from tl_core.runs.predictor import Answer
from tl_ui.run.evaluation import class_rows
from tl_ui.run.progress import is_far, progress_words, steps_html
from tl_ui.try_it.asking import Asked
from tl_ui.try_it.predictions import answers_html

EVIL = '<img src=x onerror="alert(1)">'


def test_the_weakest_class_comes_first_and_an_absent_one_last():
    predictions = [Prediction(0, 0, (0.9, 0.1, 0.0)), Prediction(1, 1, (0.8, 0.2, 0.0))]
    rows = class_rows(["cat", "dog", "owl"], predictions)
    assert [row["Class"] for row in rows] == ["dog", "cat", "owl"]
    assert rows[0] == {
        "Class": "dog",
        "F1": 0.0,
        "F1 range": "0–88 %",
        "Recall": 0.0,
        "Recall range": "0–79 %",
        "Precision": None,
        "Precision range": None,
        "n": 1,
    }
    assert rows[1]["Precision"] == 50
    assert rows[2]["F1"] is None


@pytest.mark.parametrize("place", range(4))
def test_steps_before_this_one_are_done(place):
    items = re.findall(r"<li.*?</li>", steps_html(STAGES[place]))
    assert ["✓" in item for item in items] == [i < place for i in range(4)]
    assert ["aria-current" in item for item in items] == [i == place for i in range(4)]


@pytest.mark.parametrize(
    ("left", "before", "after"),
    [
        (None, True, True),
        (None, False, False),
        (90, False, True),
        (45, False, False),
        (45, True, True),
        (20, True, False),
    ],
)
def test_while_the_end_is_far_a_page_looks_less_often_and_does_not_waver(left, before, after):
    run = Run(
        "r1",
        RunState.RUNNING,
        make_run_config("d1", {}),
        "x",
        0.0,
        progress=Progress("training", 0.5, "", left),
    )
    assert is_far(run, before) is after


def test_progress_in_words():
    progress = Progress("training", 0.5, "epoch 2 of 4")
    assert progress_words(progress, 120) == "Epoch 2 of 4; about 2 minutes left"
    assert progress_words(Progress("training", 0.0), None) == "Training…"


def test_an_answer_says_class_and_confidence():
    html = answers_html(
        [Asked(Answer("a.png", (("cat", 0.75), ("dog", 0.25))), "data:image/webp;base64,AA")]
    )
    # Number and unit stay on one line.
    assert "cat, 75.0\N{NO-BREAK SPACE}%" in html
    assert html.count("<li>") == 2
    assert "right" not in html
    assert "wrong" not in html


@pytest.mark.parametrize(("true", "word"), [("cat", "✓ right"), ("dog", "✗ wrong, it is dog")])
def test_an_answer_is_judged_where_the_truth_is_known(true, word):
    assert word in answers_html([Asked(Answer("a.png", (("cat", 1.0),)), "", true)])


def test_an_image_that_cannot_be_used_says_why():
    html = answers_html([Asked(Answer(EVIL, (), "It is <cut> off."), "")])
    assert "It is &lt;cut&gt; off." in html
    assert "<img" not in html


def test_names_in_answers_are_text():
    html = answers_html([Asked(Answer(EVIL, ((EVIL, 1.0),)), "data:x", EVIL)])
    assert html.count("<img") == 1
    assert "onerror=&quot;" in html
