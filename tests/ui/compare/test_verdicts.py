"""Verdicts on compared runs in words; nobody wins a tie."""

import pytest

from tl_core.config import make_run_config
from tl_core.evaluation import compare_best
from tl_core.records import Prediction, Run, RunState, TestResult
from tl_core.runs.comparison import RunGroup
from tl_ui.compare.verdicts import verdict_words


def run_of(name, n_right, n=60):
    result = TestResult(n, 0.5, n_right / n, 0.5, 0.5, 0.5, 0.3)
    return Run(name, RunState.COMPLETED, make_run_config("d", {}), "pets", 0.0, result=result)


def answers(n_right, sure, n=60):
    rows = ((sure, 1 - sure), (1 - sure, sure))
    return [Prediction(i, 0, rows[0 if i < n_right else 1]) for i in range(n)]


def group_of(*rights):
    predictions = [answers(right, 0.8 + place / 100) for place, right in enumerate(rights)]
    runs = [run_of(f"run{place}", right) for place, right in enumerate(rights)]
    return RunGroup(runs[0], tuple(zip(runs[1:], compare_best(predictions), strict=True)))


@pytest.mark.parametrize(("rights", "head"), [
    ((59, 59), "**run0** and **run1** tie: each was right on 59 of 60 test images."),
    ((59, 59, 20), "**run0** and **run1** tie: each was right on 59 of 60 test images."),
    ((59, 59, 59), "**run0**, **run1** and **run2** tie: each was right on 59 of 60 test images."),
])  # fmt: skip
def test_all_that_were_right_as_often_are_named_and_none_of_them_wins(rights, head):
    group = group_of(*rights)
    words = verdict_words(group, {f"run{i}": f"run{i}" for i in range(3)})
    # Of two runs the whole verdict is one paragraph.
    assert words.startswith(head) and "\n" not in words[: len(head)]
    assert (words.splitlines()[0] == head) == (len(rights) > 2)
    assert "most often" not in words and "more often than" not in words
    assert [run.id for run in group.tied] == [
        f"run{i}" for i, right in enumerate(rights) if right == 59
    ]


def test_of_two_runs_one_was_right_more_often_which_shows_nothing_by_itself():
    said = verdict_words(group_of(59, 58), {"run0": "a", "run1": "b"})
    assert said.startswith(
        "On the same 60 test images **a** was right more often than **b**. "
        "Not shown to differ: 1.7 points more for **a**, but anything from −"
    )
    assert said.endswith(" points is possible with 60 images.")
    # One sentence is no list.
    assert "\n" not in said and "most often" not in said


def test_a_difference_that_test_and_interval_disagree_about_is_not_certain():
    said = verdict_words(group_of(59, 53, 53), {f"run{i}": f"run{i}" for i in range(3)})
    assert "but is not shown to be better than any other:" in said.splitlines()[0]
    assert "- Beside **run1**: Not certain that **run0** is better" in said
    assert "corrected for all 3 pairs" in said and "one pair alone" in said


def test_one_that_is_better_is_named():
    pair = verdict_words(group_of(59, 20), {"run0": "a", "run1": "b"})
    assert "**a** was right more often than **b**. **a** is better: 65.0 points" in pair
    three = verdict_words(group_of(59, 20, 19), {"run0": "a", "run1": "b", "run2": "c"})
    assert "**a** was right most often, and is shown to be better than all others:" in three
    some = verdict_words(group_of(59, 58, 20), {"run0": "a", "run1": "b", "run2": "c"})
    assert "and is shown to be better than 1 of the others:" in some
