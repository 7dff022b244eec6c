"""User text in a model card is shown literally, on one line."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from tl_core.export.markdown import plain, plain_sentence


@given(st.text(max_size=200))
def test_no_character_has_a_meaning_in_markdown(text: str):
    for escaped in (plain(text), plain_sentence(text)):
        assert "\n" not in escaped and "\r" not in escaped
        if escaped != "(no name)":
            bare = re.sub(r"\\[" + re.escape(string.punctuation) + "]", "", escaped)
            assert not set(bare) & set(string.punctuation)


def test_names_are_cut_and_never_empty_and_sentences_stay_complete():
    assert plain("   ") == plain("") == "(no name)"
    assert len(plain("a" * 300)) == 80 and plain("a" * 300).endswith("…")
    assert plain_sentence("a" * 300) == "a" * 300
