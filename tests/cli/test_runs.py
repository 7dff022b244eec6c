"""Commands `runs` and `show`."""

from pathlib import Path

from cli.commanding import answer, run

from tl_core.locks import try_lock
from tl_core.records import RunState


def test_runs_and_show_agree_with_train(trained: tuple[Path, dict]):
    home, said = trained
    listed = {one["run_id"]: one for one in answer(run(home, "runs", "--json"))}
    shown = answer(run(home, "show", said["run_id"][:4], "--json"))
    assert shown["result"] == listed[said["run_id"]]["result"] == said["test"]
    assert shown["facts"]["splits"] == said["splits"]
    assert [p["seq"] for p in shown["metrics"]] == list(range(len(shown["metrics"])))
    assert shown["metrics"]
    assert said["run_id"] in run(home, "runs").stdout
    told = run(home, "show", said["run_id"]).stdout
    assert f"run {said['run_id']}: completed, colours" in told and "(95 % interval " in told


def test_a_run_that_was_killed_is_not_said_to_be_running(home: Path, finished):
    dead = finished[0].store.add_run(finished[1].config, "colours")
    finished[0].store.claim_run(dead.id)
    states = {one["run_id"]: one["state"] for one in answer(run(home, "runs", "--json"))}
    assert states[dead.id] == "interrupted"
    finished[0].store.delete_run(dead.id)


def test_a_servers_run_waits_for_a_server_and_a_commands_goes_on_if_one_is_there(
    home: Path, finished
):
    workspace = finished[0]
    artifacts = workspace.artifacts

    def state_of_dead(is_servers: bool) -> str:
        dead = workspace.store.add_run(finished[1].config, "colours")
        workspace.store.claim_run(dead.id)
        artifacts.note_process(dead.id, is_servers=is_servers)
        states = {one["run_id"]: one["state"] for one in answer(run(home, "runs", "--json"))}
        workspace.store.finish_run(dead.id, RunState.CANCELLED)
        workspace.store.request_cancel(dead.id)
        workspace.store.delete_run(dead.id)
        return states[dead.id]

    assert (state_of_dead(True), state_of_dead(False)) == ("queued", "interrupted")
    with try_lock(artifacts.server_lock):
        # The server itself knows how its workers end.
        assert (state_of_dead(True), state_of_dead(False)) == ("running", "queued")


def test_every_command_about_a_run_tells_the_same_warnings(trained: tuple[Path, dict]):
    home, said = trained
    warnings = said["warnings"]
    assert any("test image" in warning for warning in warnings)
    for command in ("show", "evaluate"):
        assert answer(run(home, command, said["run_id"], "--json"))["warnings"] == warnings
        told = run(home, command, said["run_id"]).stdout.splitlines()
        assert [line for line in told if line.startswith("warning: ")] == [
            f"warning: {warning}" for warning in warnings
        ]
