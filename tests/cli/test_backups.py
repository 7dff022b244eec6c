"""Commands `backup` and `restore`."""

from pathlib import Path

from cli.commanding import answer, complaint, run


def test_a_backup_is_written_and_restored_elsewhere(home: Path, tmp_path: Path):
    file = tmp_path / "backup.zip"
    made = answer(run(home, "backup", file, "--json"))
    assert made["file"] == str(file) and made["bytes"] == file.stat().st_size
    assert made["datasets"] == made["runs"] == 1
    assert "is there already" in complaint(run(home, "backup", file))

    other = tmp_path / "other"
    told = run(other, "restore", file)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Restored the backup of ")
    assert "(1 dataset, 1 run)" in told.stdout
    listed = [answer(run(place, "runs", "--json")) for place in (home, other)]
    assert listed[0] == listed[1]
    assert "give --replace" in complaint(run(other, "restore", file))
    assert answer(run(other, "restore", file, "--replace", "--json"))["runs"] == 1
    assert answer(run(other, "doctor", "--json")) == []


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path):
    file = tmp_path / "notes.zip"
    file.write_text("no zip")
    assert "is no whole backup" in complaint(run(tmp_path / "home", "restore", file))
