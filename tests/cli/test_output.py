"""Output of commands never controls the terminal, even with hostile names in it."""

import re

import pytest
from cli.commanding import run
from hypothesis import given
from hypothesis import strategies as st
from making_runs import open_home, run_config
from rich.table import Table

from tl_core.cli.output import out
from tl_core.facts import RunFacts, SplitFingerprints
from tl_core.records import DatasetRecord, Prediction, RunState, TestResult

EVIL = "\x1b]0;title\x07\x1b[2Jcat"
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@given(st.text())
def test_no_text_steers_the_terminal(text):
    table = Table(text)
    table.add_row(text)
    with out.capture() as printed:
        out.print(text)
        out.print(table)
    assert not STEERS.search(printed.get())


@given(st.text())
def test_a_line_stays_a_line(text):
    with out.capture() as printed:
        out.print(f"{text}: 3 images")
    assert printed.get().splitlines() == [printed.get().removesuffix("\n")]


@pytest.fixture
def hostile(workspace):
    """Add two tested runs, all of whose names would clear the screen."""
    names = (EVIL, f"{EVIL} too")
    dataset = DatasetRecord("d1", EVIL, names, (2, 2), 0, EVIL, 0.0)
    store = workspace.store
    ids = []
    for seed in (0, 1):
        config = run_config(dataset, backbone="resnet18", seed=seed)
        run = store.add_run(config, EVIL, RunFacts(classes=names))
        store.claim_next_run()
        answers = [Prediction(i, i % 2, (0.75, 0.25)) for i in range(4)]
        store.put_predictions(run.id, "test", 1, answers)
        result = TestResult(4, 0.8, 0.5, 0.2, 0.5, 0.3, 0.5)
        store.update_run(run.id, epochs_done=1, best_epoch=1, result=result)
        same = SplitFingerprints(train="same", val="same", test="same")
        store.update_run(run.id, facts=RunFacts(notes=(EVIL,), split_fingerprint=same))
        store.finish_run(run.id, RunState.COMPLETED, EVIL)
        store.annotate_run(run.id, title=EVIL, note=EVIL)
        ids.append(run.id)
    return workspace.settings.home, ids


def test_no_command_lets_a_name_steer_the_terminal(hostile):
    home, (one, other) = hostile
    commands = (
        ["runs"],
        ["show", one],
        ["evaluate", one],
        ["compare", one, other],
        ["show", EVIL],
        ["ingest", EVIL],
    )
    for command in commands:
        done = run(home, *command)
        said = done.stdout + done.stderr
        assert "cat" in said or command[0] == "compare", said
        assert not STEERS.search(said), command
    assert open_home(home).store.get_run(one).title == EVIL
