"""Background jobs, with a small program in place of the command line."""

import json
import os
import sys
from pathlib import Path

import pytest
from waiting import wait_until

from tl_core.errors import LimitReached
from tl_ui import background
from tl_ui.background import Jobs, read_result


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Make jobs whose commands are programs; the last argument is the progress file's."""
    real = background.subprocess.Popen

    def run(command: list[str], **how):
        assert command[:3] == [sys.executable, "-m", "tl_core.cli.leashed"]
        return real([sys.executable, "-c", command[3], command[-1]], **how)

    monkeypatch.setattr(background.subprocess, "Popen", run)
    return Jobs()


def test_a_result_is_kept_for_all(jobs: Jobs, tmp_path: Path):
    place = tmp_path / "explored" / "map.json"
    job = jobs.start(["print('{\"points\": [1]}')"], place)
    assert jobs.start(["never run"], place) is job, "who asks meanwhile joins"
    wait_until(lambda: job.is_over)
    assert (
        read_result(place) == {"points": [1]}
        and not job.error
        and [*place.parent.iterdir()] == [place]
    )
    wait_until(lambda: jobs.find(place) is None)


def test_how_far_it_is_can_be_read(jobs: Jobs, tmp_path: Path):
    program = (
        "import sys, time; file = sys.argv[1].split('=')[1];"
        'open(file, \'w\').write(\'{"fraction": 0.4, "words": "Counting"}\'); time.sleep(600)'
    )
    job = jobs.start([program], tmp_path / "a" / "x.json")
    wait_until(lambda: job.progress()[0] == 0.4)
    waiting = jobs.start(["print('{}')"], tmp_path / "b" / "y.json")
    assert "Waiting" in waiting.progress()[1] and "Counting" in job.progress()[1]
    job.stop()
    wait_until(lambda: job.is_over and waiting.is_over)
    assert job.error == "It was stopped." and read_result(tmp_path / "b" / "y.json") == {}
    assert not job.progress_file.exists() and not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import sys; sys.exit('There is no such dataset.')", "without a result"),
        (
            "import sys; print('There is no such dataset.', file=sys.stderr); sys.exit(2)",
            "no such dataset",
        ),
        (
            "import sys; print('\"/home/x y/z.zip\" is taken.', file=sys.stderr); sys.exit(2)",
            '"z.zip" is taken',
        ),
        ("print('not JSON')", "without a result"),
    ],
    ids=["a crash", "bad input", "a path", "nonsense"],
)
def test_what_fails_says_why(jobs: Jobs, tmp_path: Path, program: str, says: str):
    job = jobs.start([program], tmp_path / "a" / "x.json")
    wait_until(lambda: job.is_over)
    assert says in job.error and not (tmp_path / "a").exists()


def test_what_it_is_about_may_be_deleted_meanwhile(jobs: Jobs, tmp_path: Path):
    job = jobs.start([f"print({json.dumps('{}')!r})"], tmp_path / "deleted" / "explored" / "x.json")
    wait_until(lambda: job.is_over)
    assert "could not be" in job.error and not (tmp_path / "deleted").exists()


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), FileNotFoundError(2, "No usable temporary directory")],
    ids=["full", "no folder at all"],
)
def test_a_full_folder_for_temporary_files_is_said(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
):
    def refuse(**options):
        raise error

    place = tmp_path / "x.json"
    with monkeypatch.context() as full:
        full.setattr(background, "TemporaryDirectory", refuse)
        job = jobs.start(["print('{}')"], place)
    assert job.is_over and "cannot keep temporary files (their disk is full)" in job.error
    assert jobs.find(place) is job
    again = jobs.start(["print('{}')"], place)
    wait_until(lambda: again.is_over)
    assert read_result(place) == {}


def test_folders_of_killed_servers_are_swept_away(tmp_path: Path):
    # No process has the highest id that Linux would give.
    gone = tmp_path / "transferlab-job-4194304-abc"
    others = tmp_path / f"transferlab-job-{os.getpid()}-abc", tmp_path / "transferlab-job-old"
    for folder in (gone, *others):
        folder.mkdir()
    background.sweep_folders(tmp_path)
    assert not gone.exists() and all(folder.exists() for folder in others)


def test_a_damaged_result_is_none(tmp_path: Path):
    for text in ("", "[1]", "{"):
        (tmp_path / "x.json").write_text(text)
        assert read_result(tmp_path / "x.json") is None


def test_people_take_turns_however_many_jobs_each_has(jobs: Jobs, tmp_path: Path):
    order = tmp_path / "order"
    gate = tmp_path / "gate"
    wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"

    def start(name: str, person: str, first: str = "") -> background.Job:
        program = f"{first}open({str(order)!r}, 'a').write({name!r} + ' '); print('{{}}')"
        return jobs.start([program], tmp_path / f"{name}.json", person)

    first = start("ann-1", "ann", wait)
    wait_until(lambda: first.began is not None)
    others = [start(f"ann-{n}", "ann") for n in (2, 3, 4)]
    wait_until(lambda: len(jobs._turns._waiting) == 3)
    others.append(start("ben-1", "ben"))
    wait_until(lambda: len(jobs._turns._waiting) == 4)
    others[0].stop()
    wait_until(lambda: others[0].is_over, "the end of one that was stopped while it waited")
    assert not first.is_over and others[0].error == "It was stopped."
    gate.touch()
    wait_until(lambda: all(job.is_over for job in others))
    names = order.read_text().split()
    assert names[:2] == ["ann-1", "ben-1"] and sorted(names[2:]) == ["ann-3", "ann-4"]


def test_one_person_has_so_many_jobs_and_no_more(jobs: Jobs, tmp_path: Path):
    sleep = "import time; time.sleep(600)"
    places = [tmp_path / f"{n}.json" for n in range(background.MOST_OF_ONE)]
    started = [jobs.start([sleep], place, "ann") for place in places]
    with pytest.raises(LimitReached, match="10 computations of yours"):
        jobs.start([sleep], tmp_path / "more.json", "ann")
    assert jobs.start([sleep], places[0], "ann") is started[0], "who asks again joins"
    started.append(jobs.start([sleep], tmp_path / "bens.json", "ben"))
    started[1].stop()
    wait_until(lambda: started[1].is_over)
    started.append(jobs.start([sleep], tmp_path / "more.json", "ann"))
    for job in started:
        job.stop()
    wait_until(lambda: all(job.is_over for job in started))


def test_the_operator_has_no_limit(jobs: Jobs, tmp_path: Path):
    sleep = "import time; time.sleep(600)"
    places = [tmp_path / f"{n}.json" for n in range(background.MOST_OF_ONE + 1)]
    started = [jobs.start([sleep], place) for place in places]
    for job in started:
        job.stop()
    wait_until(lambda: all(job.is_over for job in started))
