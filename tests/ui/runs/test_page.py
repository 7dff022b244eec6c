"""Runs page: search, filters and order are in the address; rows are what passes them."""

import re

import pytest
from filled_pages import add_run, buttons, dataset, open_page, pictures, words, workspace

from tl_core.records import RunState
from tl_core.runs.summary import when
from tl_core.store import EVERY_RUN, SqlStore
from tl_ui.runs.filters import matches, sorted_by

__all__ = ["add_run", "dataset", "workspace"]


def shown(app):
    return re.findall(r'href="run\?run=(\w+)"', pictures(app))


@pytest.fixture
def runs(workspace, add_run):
    """Add three runs that differ in state, backbone, name and tags; the newest comes last."""
    tested = add_run(2, state=RunState.COMPLETED, tested=True, settings={"backbone": "resnet18"})
    failed = add_run(state=RunState.FAILED)
    stopped = add_run(1, state=RunState.CANCELLED)
    annotate = workspace.store.annotate_run
    named = annotate(tested.id, title="Zebra <b>", tags=["for class"])
    return named, failed, annotate(stopped.id, title="ants", note="with flips")


def test_each_filter_stands_in_the_address_and_lets_through_what_it_says(runs):
    tested, failed, stopped = runs
    cases = {
        ("State", "failed"): [failed],
        ("Backbone", "resnet18"): [tested],
        ("Tag", "for class"): [tested],
        ("Dataset", "d1"): [stopped, failed, tested],
        ("Order", "name"): [failed, stopped, tested],
        ("Order", "accuracy"): [tested, stopped, failed],
    }
    for (label, value), expected in cases.items():
        app = open_page("runs")
        next(box for box in app.selectbox if box.label == label).set_value(value).run()
        assert not app.exception
        assert shown(app) == [run.id for run in expected], (label, value)
        # The address alone shows the same, as after a reload.
        address = {name: app.query_params[name] for name in app.query_params}
        assert value in address.values()
        assert shown(open_page("runs", **address)) == shown(app)


def test_the_search_finds_words_anywhere_and_all_of_them(workspace, runs):
    tested, failed, stopped = runs
    app = open_page("runs")
    app.text_input[0].set_value("FLIPS ants").run()
    assert shown(app) == [stopped.id]
    short = {run.id: run for run in workspace.store.summarise_runs()}
    assert matches(short[tested.id], "zebra resnet")
    assert not matches(short[tested.id], "zebra flips")
    assert matches(short[failed.id], failed.id)
    app.text_input[0].set_value("nowhere").run()
    assert shown(app) == [] and "No run matches" in "".join(m.value for m in app.markdown)


def test_an_unknown_filter_in_the_address_lets_everything_through(runs):
    assert len(shown(open_page("runs", state="nonsense", tag="gone"))) == 3


def test_without_the_figure_runs_come_last(workspace, runs):
    tested, failed, _ = runs
    short = workspace.store.summarise_runs()
    assert sorted_by(short, "validation")[-1].id == failed.id
    assert sorted_by(short, "accuracy")[0].id == tested.id


def test_of_many_runs_only_those_that_are_drawn_are_read(workspace, add_run, monkeypatch):
    monkeypatch.setattr("tl_ui.runs.table._AT_ONCE", 2)
    added = [add_run(start=False) for _ in range(4)]
    read = []
    listed = SqlStore.list_runs

    def list_runs(store, query=EVERY_RUN):
        read.append(query)
        return listed(store, query)

    monkeypatch.setattr(SqlStore, "list_runs", list_runs)
    app = open_page("runs")
    newest = [run.id for run in reversed(added)]
    assert shown(app) == newest[:2]
    assert [query.ids for query in read] == [tuple(newest[:2])]
    buttons(app)["Show more (2 left)"].click().run()
    assert shown(app) == newest


def test_a_row_begins_with_the_name_and_names_split_and_n(runs):
    html = pictures(open_page("runs"))
    assert "Zebra &lt;b" in html and "<b>" not in html
    row = next(row for row in html.split("<tr>") if runs[0].id in row)
    assert row.index("Zebra") < row.index("50.0 %") < row.index("completed")
    assert "of 30 test images" in row and 'data-label="Test"' in row


def test_a_card_tells_a_run_by_epochs_network_and_first_start(workspace, add_run):
    run = add_run(1, state=RunState.PAUSED, settings={"backbone": "resnet18", "epochs": 3})
    started = workspace.store.get_run(run.id).started_at
    assert started is not None
    workspace.store.queue_again(run.id)
    workspace.store.claim_run(run.id)
    row = next(row for row in pictures(open_page("runs")).split("<tr>") if run.id in row)
    (line,) = re.findall(r'<small class="phone">(.*?)</small>', row)
    assert line.startswith("3 epochs · ResNet-18, ")
    clock = when(started, None).rpartition(", ")[2]
    assert f" · {clock} · resumed " in line
    assert row.count(when(started, None)) == 1 and row.count("resumed ") == 2


def test_a_waiting_run_tells_its_place_where_people_take_turns(workspace, add_run):
    store = workspace.store
    first = add_run(start=False)
    second = add_run(start=False)
    others = [store.add_run(first.config, "pets", owner="somebody") for _ in range(3)]
    rows = pictures(open_page("runs")).split("<tr>")
    row_of = {run.id: next(row for row in rows if run.id in row) for run in (first, second)}
    assert "waiting<small>next to start</small>" in row_of[first.id]
    assert "waiting<small>place 3 in the queue</small>" in row_of[second.id]
    page = words(open_page("run", run=second.id))
    assert "Waiting: 2 runs are ahead of this one." in page and "People take turns" in page
    assert re.search(r"It should start in .*, and then take ", page)
    store.hold_queue(True)
    page = words(open_page("run", run=others[-1].id))
    assert "Waiting: the queue is held. 4 runs are ahead of this one." in page
    assert "Once it starts, it should take" in page


def test_who_leads_moves_runs_and_holds_the_queue(workspace, add_run):
    store = workspace.store
    first = add_run(start=False)
    second = add_run(start=False)
    page = open_page("run", run=second.id)
    buttons(page)["Move it to the front"].click().run()
    assert [place.run_id for place in store.list_queue()] == [second.id, first.id]
    assert "Next in line" in words(page)
    buttons(page)["Let others go first"].click().run()
    assert [place.run_id for place in store.list_queue()] == [first.id, second.id]
    page = open_page("runs")
    buttons(page)["Hold the queue"].click().run()
    assert store.is_queue_held() and "The queue is held" in words(page)
    buttons(page)["Let the queue go on"].click().run()
    assert not store.is_queue_held() and "The queue is held" not in words(page)
