import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import benchmarks, main
from benchmarks.measuring import (
    ROOT,
    CommandFailed,
    Report,
    has_modules,
    machine,
    run_command,
    take_turns,
    write,
)


def test_ways_take_turns():
    order: list[str] = []
    found = take_turns(
        {name: lambda name=name: order.append(name) or len(order) for name in "abc"}, rounds=2
    )
    assert order == [*"abcabc"]
    assert found == {"a": [1, 4], "b": [2, 5], "c": [3, 6]}


def test_a_command_is_measured_with_its_children_and_without_us():
    ballast = bytearray(300 * 2**20)
    quiet = run_command([sys.executable, "-c", "print('done')"])
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'bytearray(200 * 2**20)'])"
    )
    large = run_command([sys.executable, "-c", code])
    assert quiet.output == "done\n"
    assert 0 < quiet.seconds < 60
    assert quiet.peak_mb < 100 < len(ballast) / 2**20
    assert 200 < large.peak_mb < 300


def test_a_command_gets_its_variables_and_its_folder(tmp_path: Path):
    code = "import os; print(os.environ['WORD'], os.getcwd())"
    assert (
        run_command([sys.executable, "-c", code], {"WORD": "here"}, tmp_path).output
        == f"here {tmp_path}\n"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.exit('I give up')",
        "import os; print('I give up', flush=True); os.kill(os.getpid(), 9)",
    ],
)
def test_a_command_that_fails_says_what_it_wrote(code: str):
    with pytest.raises(CommandFailed, match="I give up"):
        run_command([sys.executable, "-c", code])


def test_a_report_is_kept_as_a_table_and_as_json(tmp_path: Path):
    rows = [("ours", 1234.5, 7, 0.98765), ("theirs", 56.78, None, 2.0)]
    report = Report(
        "speed",
        "How fast",
        ("way", "images/s", "images", "accuracy"),
        rows,
        ["a note"],
        {"ours": [1, 2]},
    )
    write(report, tmp_path / "new")
    assert (tmp_path / "new/speed.md").read_text("utf-8").splitlines()[:7] == [
        "# How fast",
        "",
        "| way | images/s | images | accuracy |",
        "| --- | ---: | ---: | ---: |",
        "| ours | 1,234 | 7 | 0.988 |",
        "| theirs | 56.8 | – | 2.00 |",
        "",
    ]
    kept = json.loads((tmp_path / "new/speed.json").read_text("utf-8"))
    assert kept["raw"] == {"ours": [1, 2]}
    assert kept["machine"] == machine()
    assert kept["machine"]["python"].startswith("3.")


def test_an_interpreter_is_asked_what_it_has():
    assert has_modules(Path(sys.executable), "torch", "json")
    assert not has_modules(Path(sys.executable), "json", "no_such_module_of_anyone")


def test_all_benchmarks_are_listed_with_a_sentence(capsys: pytest.CaptureFixture[str]):
    main([])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(benchmarks())
    assert {"augment", "memory"} <= set(benchmarks())
    assert all(len(line.split()) > 4 for line in lines)


def test_listing_them_loads_no_torch():
    code = (
        "import sys; from benchmarks.__main__ import main; "
        "main([]); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_an_unknown_name_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "augment" in capsys.readouterr().err


def test_without_playwright_a_sentence_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "playwright", None)
    with pytest.raises(
        SystemExit, match=r"^ui: Pages are opened by Playwright, which is not installed here: pip"
    ):
        main(["ui", "--tiny"])
    assert any(
        line.startswith("playwright")
        for line in (ROOT / "benchmarks/requirements.txt").read_text().splitlines()
    )
