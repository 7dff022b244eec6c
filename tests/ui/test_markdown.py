"""Figures in sentences stay whole where lines are short."""

from tl_ui.markdown import literal, whole_figures


def test_a_percentage_and_a_range_are_never_broken_across_lines():
    sentence = "Right on 8 of 9, 88.9 % (56–98 %); 100 % sure – 2 of 3."
    whole = "Right on 8 of 9, 88.9\xa0% (56\u2060–\u206098\xa0%); 100\xa0% sure – 2 of 3."
    assert whole_figures(sentence) == whole
    # Also where the percent sign is escaped.
    assert "88\\.9\xa0\\%" in whole_figures(literal(sentence))
