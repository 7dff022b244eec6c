"""The list of figures that all faces show is whole, and reads each figure where it belongs."""

from dataclasses import fields, replace

from tl_core.evaluation import Figure, Judgement, judge, named_figures
from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction

TEST = judge([Prediction(i, i % 2, (0.7, 0.3)) for i in range(30)], 0)


def test_every_figure_of_a_judgement_is_listed_once_with_its_images():
    listed = named_figures(TEST)
    figures = [f.name for f in fields(Judgement) if isinstance(getattr(TEST, f.name), Figure)]
    assert [named.key for named in listed] == figures
    assert all(named.figure is getattr(TEST, named.key) and named.n == 30 for named in listed)


def test_labels_name_mean_and_unit_and_explanations_are_the_glossarys():
    labels = {named.key: named.label_with_unit for named in named_figures(TEST)}
    assert labels["accuracy"] == "accuracy" and labels["f1_macro"] == "F1, macro"
    assert labels["log_loss"] == "log-loss, nats" and labels["roc_auc"] == "ROC AUC, macro"
    for named in named_figures(TEST):
        assert named.explanation.startswith(GLOSSARY[named.term])
        assert named.explanation.endswith(GLOSSARY["macro"]) == named.is_macro


def test_what_a_split_cannot_show_is_not_listed():
    assert "roc_auc" not in {named.key for named in named_figures(replace(TEST, roc_auc=None))}


def test_figures_that_are_no_shares_have_three_decimals():
    figure = Figure(0.87449, 0.8, 1.0)
    assert (figure.value_words, figure.interval_words) == ("0.874", "0.800 to 1.000")
