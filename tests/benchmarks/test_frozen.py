from pathlib import Path

from benchmarks import frozen
from benchmarks.measuring import Options


def test_all_ways_get_from_a_folder_to_an_accuracy(tiny: Options):
    report = frozen.run(tiny)
    found = {row[1]: row[2:] for row in report.rows}
    ours = {frozen.OURS, frozen.AGAIN, frozen.EXPORTED, frozen.VARIED, frozen.VARIED_AGAIN}
    assert ours | {"tutorial loop", "features + logistic regression"} <= set(found)
    for seconds, times_ours, times_again, accuracy, peak_mb in found.values():
        assert min(seconds, times_ours, times_again, peak_mb) > 0
        assert 0.5 <= accuracy <= 1
    assert found[frozen.OURS][1] == 1
    assert all(
        f"{name} was left out" in " ".join(report.notes)
        for name in frozen.PEERS
        if name not in found
    )


def test_peers_that_are_not_installed_are_known(tmp_path: Path):
    nobody = tmp_path / "python"
    nobody.write_text("#!/bin/sh\nexit 1\n")
    nobody.chmod(0o755)
    assert frozen.missing_peers(nobody) == list(frozen.PEERS)
