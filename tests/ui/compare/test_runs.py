import pytest

from tl_core.config import make_run_config
from tl_core.records import Run, RunState
from tl_ui.compare.runs import run_labels


def runs(*settings, titles=None):
    return [
        Run(
            f"run{i}",
            RunState.COMPLETED,
            make_run_config("d", each),
            "pets",
            0.0,
            title=(titles or {}).get(i, ""),
        )
        for i, each in enumerate(settings)
    ]


def test_a_run_is_called_by_as_little_as_tells_it_apart():
    by_seed = runs({"seed": 0}, {"seed": 1})
    assert list(run_labels(by_seed).values()) == ["seed 0", "seed 1"]
    networks = runs({"backbone": "resnet18", "seed": 0}, {"backbone": "mobilenet_v2", "seed": 1})
    assert list(run_labels(networks).values()) == ["ResNet-18", "MobileNetV2"]
    assert list(run_labels(runs({}, {}, titles={1: "again"})).values()) == ["pets", "again"]


@pytest.mark.parametrize(
    "titles", [{}, {0: "x" * 300, 1: "x" * 299}, {0: "\u202ea\n", 1: "\u202ea\n"}]
)
def test_labels_are_short_each_is_there_once_and_none_turns_the_text_around_it(titles):
    labels = list(run_labels(runs({}, {}, titles=titles)).values())
    assert len(set(labels)) == 2
    assert all(len(label) <= 40 and "\u202e" not in label for label in labels)
