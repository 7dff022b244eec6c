"""Place in the queue and expected wait: people take turns, shared features are computed once."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from making_runs import run_config

from tl_core.config import RunConfig, make_run_config
from tl_core.events import STAGES
from tl_core.records import DatasetRecord, Progress, Run, RunState
from tl_core.runs.execute import claim
from tl_core.runs.spans import NOTHING, Span
from tl_core.runs.waiting import Line, expected_wait, line_before, pass_of
from tl_core.workspace import Workspace

EACH = Span(8.0, 10.0, 12.0)


@dataclass
class Estimated:
    """Estimate whose preparation takes as long as everything else together."""

    span: Span = EACH

    @property
    def stages(self) -> dict[str, Span]:
        return {STAGES[1]: self.span.times(0.5), STAGES[2]: self.span.times(0.5)}


def config(**settings: object) -> RunConfig:
    return make_run_config("d" * 16, {"augment": "none", **settings})


def a_run(state: RunState, one: RunConfig, **fields: object) -> Run:
    return Run("a", state, one, "x", 0.0, **fields)


def line(running: Sequence[Run] = (), first: Sequence[Run] = (), n: int | None = None) -> Line:
    n_waiting = len(first) if n is None else n
    return Line(tuple(running), tuple(first), n_waiting, n_others=0, beside=0, is_held=False)


def test_the_wait_is_what_the_runs_ahead_have_left():
    queued = [a_run(RunState.QUEUED, config(backbone=name)) for name in ("resnet18", "resnet50")]
    running = a_run(RunState.RUNNING, config(), progress=Progress("training", 0.5, "", 30.0))
    wait = expected_wait(line([running], queued), lambda run: Estimated())
    assert wait and wait.expected == 50.0 and wait.low < 50.0 < wait.high
    assert expected_wait(line([running], queued), lambda run: None) is None
    assert expected_wait(line(), lambda run: None) == NOTHING
    many = expected_wait(line(first=queued, n=30), lambda run: Estimated())
    assert many and many.expected == pytest.approx(300.0)


def test_features_that_runs_share_are_waited_for_once():
    thirty = [a_run(RunState.QUEUED, config(learning_rate=0.01 * n)) for n in range(1, 13)]
    wait = expected_wait(line(first=thirty), lambda run: Estimated())
    assert wait and wait.expected == pytest.approx(5.0 + 12 * 5.0)


def test_runs_share_features_whatever_is_learned_from_them():
    same = [{"hidden_units": "9"}, {"epochs": 7}, {"seed": 3}, {"output": "sigmoid"}]
    assert {pass_of(config(**settings)) for settings in same} == {pass_of(config())}
    others = [{"frozen_stages": 2}, {"augment": "photos"}, {"feature_precision": "float16"}]
    assert all(pass_of(config(**settings)) != pass_of(config()) for settings in others)
    # Views of an image are drawn from the seed.
    views = [pass_of(make_run_config("d", {"augment": "photos", "seed": n})) for n in (1, 2)]
    assert views[0] != views[1]


def test_only_runs_of_this_server_and_earlier_turns_are_waited_for(
    workspace: Workspace, colours: DatasetRecord
):
    store = workspace.store

    def queue(owner: str) -> Run:
        return store.add_run(run_config(colours), colours.name, owner=owner)

    mine = queue("a")
    with claim(workspace, lambda: store.claim_run(mine.id)):
        other = store.claim_run(queue("b").id)
        # No process has this id, as that of a command line that is not ours.
        workspace.artifacts.run_process(other.id).write_text("0", "ascii")
        first, second, third = (queue(owner) for owner in "aab")
        places = store.list_queue()
        found = line_before(workspace, places, second.id, "a")
        assert [run.id for run in found.running] == [mine.id]
        assert [run.id for run in found.first] == [first.id, third.id]
        assert (found.n_ahead, found.beside, found.n_others) == (3, 1, 1)
        # A run of somebody new would have the next turn but those of people who never had one.
        found = line_before(workspace, store.list_queue("c"), "", "c")
        assert [run.id for run in found.first] == [first.id, third.id]
        found = line_before(workspace, store.list_queue("a"), "", "a")
        assert found.n_waiting == 3 and not found.is_held
