"""User text in a model card is shown as it is, and stands on one line."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from tl_core.export.markdown import plain, plain_sentence


@given(st.text(max_size=200))
def test_no_character_of_it_means_anything_to_markdown(text: str):
    for said in (plain(text), plain_sentence(text)):
        assert "\n" not in said and "\r" not in said
        if said != "(no name)":
            bare = re.sub(r"\\[" + re.escape(string.punctuation) + "]", "", said)
            assert not set(bare) & set(string.punctuation)


def test_a_name_is_cut_and_never_empty_and_a_sentence_stays_whole():
    assert plain("   ") == plain("") == "(no name)"
    assert len(plain("a" * 300)) == 80 and plain("a" * 300).endswith("…")
    assert plain_sentence("a" * 300) == "a" * 300
