import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.glossary import GLOSSARY
from tl_core.text import (
    about,
    count,
    duration,
    html_text,
    isolated,
    number_of,
    percent,
    plotly_text,
    share,
    shorten,
    size,
    visible,
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
    import re

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


RIGHT_TO_LEFT = st.text(st.sampled_from("חתוליم٣a1 (\u2068\u2069\u202e\0"))


@given(RIGHT_TO_LEFT, RIGHT_TO_LEFT)
def test_what_reads_from_right_to_left_leaves_the_words_around_it_alone(one, other):
    """It is wrapped, once, however often and in whatever sentence it is; other text stays as it is."""
    from unicodedata import bidirectional

    sentence = isolated(f"{isolated(one)} taken for {isolated(other)}: 3 images")
    bare = sentence
    for inner in (isolated(one), isolated(other)):
        bare = bare.replace(inner, "", 1) if inner.startswith("\u2068") else bare
    assert not any(bidirectional(letter) in ("R", "AL", "AN", "RLO", "PDI") for letter in bare)
    assert sentence.endswith(": 3 images") and isolated(sentence) == visible(sentence) == sentence


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
