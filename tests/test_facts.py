import ast
import inspect
import json
import math

import pytest
from making_facts import full_facts

from tl_core.facts import RunFacts, SplitSizes


def test_fields_that_are_set_replace_and_notes_are_collected():
    old = RunFacts(device="CPU", cached_views=3, notes=("One.", "Two."))
    new = RunFacts(cached_views=0, workers=2, notes=("Two.", "Three."))
    merged = old.merged(new)
    assert merged == RunFacts(
        device="CPU", cached_views=0, workers=2, notes=("One.", "Two.", "Three.")
    )
    assert merged.model_fields_set == {"device", "cached_views", "workers", "notes"}
    assert old.merged(RunFacts(notes=())) == old.merged(RunFacts()) == old


def test_a_run_that_carries_on_takes_over_all_but_what_is_its_own():
    old = full_facts()
    new = old.continued("xyz")
    own = {
        **{"deaths": 0, "went_on_after": None, "resumed": 0, "first_started_at": None},
        "train_check": None,
    }
    assert new.model_fields_set == old.model_fields_set - own.keys()
    assert new == old.model_copy(update={**own, "continues": "xyz"})


def test_json_holds_what_is_set_and_gives_it_back():
    assert RunFacts().as_json() == {}
    assert RunFacts(cached_views=0, split_warnings=()).as_json() == {
        "cached_views": 0,
        "split_warnings": (),
    }
    everything = full_facts().merged(RunFacts(notes=("\0\ud800😀",)))
    assert RunFacts.model_validate(json.loads(json.dumps(everything.as_json()))) == everything


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": 1},
        {"splits": {"train": 1}},
        {"splits": {"train": 1, "val": 1, "test": 1, "more": 1}},
        {"plan": [{"first_epoch": 1}]},
        {"device": None},
        {"notes": [3]},
        {"workers": "many"},
        {"seconds_before": math.nan},
        {"first_started_at": math.inf},
        {"seconds_by_stage": {"training": math.inf}},
    ],
    ids=str,
)
def test_nothing_but_the_documented_shape_is_read(wrong: dict):
    with pytest.raises(ValueError):
        RunFacts.model_validate(wrong)


@pytest.mark.parametrize("record", [RunFacts(), SplitSizes(train=1, val=1, test=1)])
def test_a_record_cannot_be_changed(record):
    with pytest.raises(ValueError, match="frozen"):
        setattr(record, next(iter(type(record).model_fields)), 1)


def test_every_fact_is_documented_by_a_sentence():
    (record,) = ast.parse(inspect.getsource(RunFacts)).body
    after = dict(zip(record.body, record.body[1:], strict=False))
    fields = {
        node.target.id: after[node] for node in record.body if isinstance(node, ast.AnnAssign)
    }
    assert set(fields) == set(RunFacts.model_fields)
    for name, node in fields.items():
        assert isinstance(node, ast.Expr) and ast.literal_eval(node.value).endswith("."), name
