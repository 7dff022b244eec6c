import re
import string
from unicodedata import bidirectional

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tl_core.glossary import GLOSSARY
from tl_core.text import (
    about,
    between,
    count,
    duration,
    html_text,
    isolated,
    natural_key,
    number_of,
    one_line,
    percent,
    plotly_text,
    rarest_first,
    share,
    shorten,
    size,
    visible,
    without_folders,
)
from tl_ui.markdown import literal


@given(st.text())
def test_literal_leaves_no_punctuation_unescaped_and_no_line_break(text):
    result = literal(text)
    assert "\n" not in result
    before = ""
    for letter in result.replace("\\\\", "  "):
        assert letter not in string.punctuation.replace("\\", "") or before == "\\"
        before = letter


@given(st.text())
def test_literal_reads_as_the_text(text):
    read = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", literal(text)).replace("\u2060", "")
    assert read == isolated(" ".join(visible(text).split())).replace("\u2060", "")


@pytest.mark.parametrize(
    "text", ["http://a.b", "www.a.b", "me@a.b", ":smile:", ":material/home:", "->", "<-", "--"]
)
def test_literal_breaks_up_what_would_be_turned_into_something_else(text):
    assert "\u2060" in literal(text)


def test_html_text_is_safe_in_text_and_attributes():
    assert html_text("<b a='1'>\"&") == "&lt;b a=&#x27;1&#x27;&gt;&quot;&amp;"


def test_plotly_text_leaves_quotes():
    assert plotly_text("<a>'\"") == "&lt;a&gt;'\""


def test_marks_that_turn_the_text_around_are_shown():
    assert visible("a\u202egpj.exe\0") == "a\ufffdgpj.exe\ufffd"


MARKS = "\u2066\u2067\u2068\u2069\u202b\u202c\u202e\0\n\r\u2029"
RIGHT_TO_LEFT = st.text(st.sampled_from("חתוليم٣\u200fa1 (" + MARKS))
ISOLATE = re.compile("\u2068([^\u2066-\u2069\n\r\u2029]+)\u2069")


def is_turned(text: str) -> bool:
    """Tell if the text has right-to-left letters or directional marks."""
    turning = {"R", "AL", "AN", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return any(bidirectional(letter) in turning for letter in text)


@given(RIGHT_TO_LEFT, RIGHT_TO_LEFT)
@example("1\u2068\u2069", "")
@example("\u2068\u2068א", "\u2069ב")
@example("\u2068א\n\u2069", "א\nב")
def test_what_reads_from_right_to_left_leaves_the_words_around_it_alone(one: str, other: str):
    """Check that such letters stand only in complete isolates, in any sentence."""
    sentence = isolated(f"{isolated(one)} taken for {isolated(other)}: 3 images")
    assert sentence.endswith(": 3 images") and " taken for " in sentence
    assert not is_turned(ISOLATE.sub("", sentence))
    assert isolated(sentence) == visible(sentence) == sentence


@given(RIGHT_TO_LEFT)
def test_an_isolate_holds_no_mark_and_something_that_needs_it(text: str):
    for inside in ISOLATE.findall(isolated(text)):
        assert any(bidirectional(letter) in ("R", "AL", "AN") for letter in inside)
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", inside)


@given(RIGHT_TO_LEFT)
def test_isolating_keeps_every_letter(text: str):
    kept = re.compile("[\u2066-\u2069\u202a-\u202e\0\ufffd]")
    assert kept.sub("", isolated(text)) == kept.sub("", text)
    assert isolated(isolated(text)) == isolated(text) == isolated(visible(text))


@given(st.text())
def test_one_line_is_one_line(text: str):
    shown = one_line(text)
    assert len(shown.splitlines()) <= 1 and not re.search("[\x00-\x1f]", shown)
    assert len(shown) == len(text) and one_line(shown) == shown


def test_one_line_shows_what_it_replaces():
    assert one_line("a\nb\tc\u2028d\x1b[2J") == "a␊b␉c�d�[2J"


@given(st.text(st.characters(max_codepoint=0x58F)))
def test_other_text_is_not_isolated(text):
    assert isolated(text) == visible(text)


def test_shorten():
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"


@pytest.mark.parametrize(("value", "expected"), [(0.861, "86.1 %"), (0, "0.0 %"), (1, "100.0 %")])
def test_percent(value, expected):
    assert percent(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (9999, "9999"), (12345, "12\u202f345"), (10**6, "1\u202f000\u202f000")],
)
def test_count(value, expected):
    assert count(value) == expected


def test_number_of_and_share():
    assert number_of(1, "image") == "1 image"
    assert number_of(2, "class", "classes") == "2 classes"
    assert share(327, 380) == "327 of 380"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (5e8, "500.0 MB"),
        (4.2e9, "4.2 GB"),
    ],
)
def test_size(value, expected):
    assert size(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.42, "0.4 s"),
        (9.97, "10 s"),
        (12, "12 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_duration(value, expected):
    assert duration(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "a few seconds"),
        (42, "about 40 seconds"),
        (57, "about 1 minute"),
        (120, "about 2 minutes"),
        (3500, "about 1 hour"),
        (9000, "about 2 hours"),
    ],
)
def test_about(value, expected):
    assert about(value) == expected


def test_the_glossary_speaks_in_sentences():
    for term, sentence in GLOSSARY.items():
        assert sentence.endswith("."), term
        assert len(sentence) < 220, term


def test_numbers_in_names_sort_by_value():
    names = ["10", "1", "2", "a10b", "a9b", "a9", "b", "", "007", "7", "x²"]
    expected = ["", "1", "2", "007", "7", "10", "a9", "a9b", "a10b", "b", "x²"]
    assert sorted(names, key=natural_key) == expected
    assert sorted(["9" * 5000, "8" * 5001], key=natural_key) == ["9" * 5000, "8" * 5001]


@given(st.lists(st.integers(0, 10**20)))
def test_whole_numbers_sort_as_numbers(numbers):
    ordered = sorted(map(str, numbers), key=natural_key)
    assert [int(text) for text in ordered] == sorted(numbers)


@given(st.lists(st.text("0129ab٣ ", max_size=6)))
def test_natural_order_is_one_order(texts):
    ordered = sorted(texts, key=natural_key)
    backwards = texts[::-1]
    assert ordered == sorted(backwards, key=natural_key)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (3.9, 44.0, "3 to 45 seconds"),
        (30.0, 120.0, "30 seconds to 2 minutes"),
        (62.0, 110.0, "1 to 2 minutes"),
        (0.2, 0.9, "about 1 second"),
        (600.0, 7200.0, "10 minutes to 2 hours"),
        (57.0, 59.0, "about 1 minute"),
    ],
)
def test_a_range_of_durations_is_rounded_outwards(low: float, high: float, words: str):
    assert between(low, high) == words


@given(st.lists(st.tuples(st.integers(0, 4), st.integers())))
def test_every_group_stands_together_before_any_larger_one(items):
    shown = rarest_first(items, by=lambda item: item[0])
    assert sorted(shown) == sorted(items)
    kinds = list(dict.fromkeys(kind for kind, _ in shown))
    groups = [[item for item in items if item[0] == kind] for kind in kinds]
    assert shown == [item for group in groups for item in group]
    assert [len(group) for group in groups] == sorted(len(group) for group in groups)


PLACES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="/\\\0\n\r"), min_size=1), min_size=1
)


@given(PLACES)
@example(["home", "a user's", 'so "called"'])
def test_an_error_of_the_system_is_told_without_its_folders(parts):
    folder = "/" + "/".join(parts)
    words = without_folders(str(FileNotFoundError(2, "No such file", f"{folder}/secret/x.png")))
    assert words == "[Errno 2] No such file: 'x.png'" or words.endswith('"x.png"')
    words = without_folders(str(OSError(18, "Cross", f"{folder}/x", None, f"{folder}/secret/y")))
    assert words.replace('"', "'") == "[Errno 18] Cross: 'x' -> 'y'"


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("cannot open /home/ann/x.pt (denied)", "cannot open x.pt (denied)"),
        ("(/tmp/tmpab12/progress.json)", "(progress.json)"),
        (r"C:\Users\Ann\x.pt is away", "x.pt is away"),
        (r"[WinError 2] away: 'C:\\Users\\Ann B\\x.pt'", "[WinError 2] away: 'x.pt'"),
        (r"\\server\share\x.pt", "x.pt"),
        ("https://example.org/a/b and hf:timm/resnet18", None),
        ('"train/cats/1.jpg", 3 / 4 and/or 1/2 of N/A', None),
    ],
)
def test_paths_lose_their_folders_and_nothing_else_does(words, left):
    assert without_folders(words) == (words if left is None else left)
