"""The source follows its rules of style, and tools/style.py sees what breaks them."""

from pathlib import Path

import pytest

from tools import style

RIDDLE = '''"""What this is for."""


def pair(a):
    """Of both."""
    left, right = a, 1
    left, right = right, left
    return 1 if left else 2 if right else 3
'''


@pytest.fixture(scope="module")
def modules() -> list[style.Module]:
    paths = [path for name in style.FOLDERS for path in (style.ROOT / name).rglob("*.py")]
    return [style.read_module(path) for path in paths]


def test_the_source_follows_the_rules(modules):
    assert list(style.findings(modules)) == []


def test_what_breaks_a_rule_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(style, "ROOT", tmp_path)
    path = tmp_path / "riddle.py"
    path.write_text(RIDDLE + "\n\ndef long():\n" + "    pass\n" * 60)
    assert sorted(style.findings([style.read_module(path)])) == [
        "riddle.py: long has 61 lines",
        'riddle.py:1: docstring begins with "What"',
        'riddle.py:5: docstring begins with "Of"',
        "riddle.py:6: packed assignment",
        "riddle.py:8: nested conditional expression",
    ]


def test_figures_count_per_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(style, "ROOT", tmp_path)
    path = tmp_path / "riddle.py"
    path.write_text("# why\n" + RIDDLE)
    figures = style.figures([style.read_module(path)])
    assert figures["lines"] == "9"
    assert figures["packed assignments per 1,000 lines"] == f"{1000 / 9:.2f}"
    assert figures["comments per 100 lines that are not blank"] == f"{100 / 7:.2f}"
    assert figures["nested conditional expressions"] == "1"
