"""Command `serve`."""

from pathlib import Path

from cli.commanding import complaint, run


def test_serve_wants_a_key_where_others_can_reach_it(home: Path):
    assert "set TRANSFERLAB_API_KEY" in complaint(run(home, "serve", "--host", "0.0.0.0"))
    assert "at least 16" in complaint(run(home, "serve", TRANSFERLAB_API_KEY="short"))
    assert "no server can be started" in complaint(
        run(home, "serve", "--host", "::ffff:1.2.3.4.5", TRANSFERLAB_API_KEY="x" * 16)
    )
