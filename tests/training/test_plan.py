"""Training plans: phases, freezing and learning rates."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.backbones import anatomy, get_backbone, resolve_frozen
from tl_core.config import RunConfig, make_run_config
from tl_core.errors import ConfigError
from tl_core.training.optimizers import learning_rates
from tl_core.training.plan import Phase, make_plan, phase_of, say_what_stays_frozen, segment_of

BACKBONE = "resnet18"
STAGES = len(anatomy(get_backbone(BACKBONE)).stages)


@st.composite
def configs(
    draw: st.DrawFn, unfreeze: tuple[str, ...] = ("never", "two-phase", "gradual")
) -> RunConfig:
    way = draw(st.sampled_from(unfreeze))
    epochs = draw(st.integers(2, 30))
    settings = {
        "backbone": BACKBONE,
        "unfreeze": way,
        "epochs": epochs,
        "head_epochs": draw(st.integers(1, epochs - 1)),
        "unfreeze_every": draw(st.integers(1, 4)),
        "fine_tune_rate": draw(st.floats(0.01, 1)),
        "layer_decay": draw(st.floats(0.1, 1)),
        "learning_rate": draw(st.none() | st.floats(1e-5, 1)),
        "backbone_learning_rate": draw(st.none() | st.floats(1e-5, 1)),
    }
    depth = draw(st.sampled_from(["stages", "layers", "names"]))
    if depth == "layers":
        settings["frozen_layers"] = draw(
            st.integers(0, anatomy(get_backbone(BACKBONE)).stages[-1].layers - 1)
        )
    else:
        settings["frozen_stages"] = draw(st.integers(-STAGES, STAGES))
        settings["frozen_names"] = ("layer3.0.*", "*.bn1") if depth == "names" else ()
    return make_run_config("any", settings)


def final_of(config: RunConfig):
    return resolve_frozen(get_backbone(BACKBONE), config.model)


def frozen_by_epoch(config: RunConfig) -> list[int]:
    plan = make_plan(config)
    return [phase_of(plan, epoch).frozen.stages for epoch in range(1, config.train.epochs + 1)]


@given(config=configs())
def test_phases_cover_every_epoch_once(config: RunConfig):
    plan = make_plan(config)
    assert plan[0].first_epoch == 1 and plan[-1].last_epoch == config.train.epochs
    assert all(phase.first_epoch <= phase.last_epoch for phase in plan)
    assert all(b.first_epoch == a.last_epoch + 1 for a, b in itertools.pairwise(plan))
    assert sum(phase.epochs for phase in plan) == config.train.epochs


@given(config=configs(("never",)))
def test_without_unfreezing_there_is_one_phase(config: RunConfig):
    (phase,) = make_plan(config)
    assert phase.frozen == final_of(config)


@given(config=configs(("two-phase",)))
def test_two_phases_train_the_head_and_then_the_unfrozen_stages_at_lower_rates(config: RunConfig):
    first, second = make_plan(config)
    assert (first.first_epoch, first.last_epoch) == (1, config.train.head_epochs)
    assert first.frozen.stages == STAGES and not any(first.rates[:-1])
    assert second.frozen == final_of(config)
    assert second.rates[-1] == pytest.approx(first.rates[-1] * config.train.fine_tune_rate)


@given(config=configs(("gradual",)))
def test_gradual_unfreezing_takes_one_more_stage_from_the_top_every_few_epochs(config: RunConfig):
    train = config.train
    final = final_of(config).stages
    for epoch, frozen in enumerate(frozen_by_epoch(config), start=1):
        unfrozen = 0
        if epoch > train.head_epochs:
            unfrozen = 1 + (epoch - train.head_epochs - 1) // train.unfreeze_every
        assert frozen == max(final, STAGES - unfrozen), f"in epoch {epoch}"
    modules = {phase.frozen.modules for phase in make_plan(config)[1:]}
    assert modules <= {final_of(config).modules}


@given(config=configs(("gradual",)))
def test_incomplete_gradual_unfreezing_is_reported_with_the_epoch_it_needs(
    config: RunConfig,
):
    sentence = say_what_stays_frozen(config)
    left = frozen_by_epoch(config)[-1] - final_of(config).stages
    assert (sentence is None) is (left == 0)
    if sentence:
        assert f"{left} more stage" in sentence
        needed = int(sentence.rstrip(".").split()[-1])
        for epochs, is_enough in ((needed - 1, False), (needed, True)):
            longer = make_run_config("any", {"epochs": epochs}, base=config)
            assert (say_what_stays_frozen(longer) is None) is is_enough


@given(config=configs())
def test_each_stage_has_the_rate_of_the_one_above_it_times_the_decay(config: RunConfig):
    head, backbone = learning_rates(config.train, True)
    plan = make_plan(config)
    for phase in plan:
        fine_tunes = config.train.unfreeze == "two-phase" and phase is plan[1]
        scale = config.train.fine_tune_rate if fine_tunes else 1.0
        trained = [
            scale * backbone * config.train.layer_decay ** (STAGES - 1 - stage)
            for stage in range(phase.frozen.stages, STAGES)
        ]
        expected = [*[0.0] * phase.frozen.stages, *trained, scale * head]
        assert list(phase.rates) == pytest.approx(expected)


def test_from_scratch_all_stages_have_the_same_rate():
    (phase,) = make_plan(make_run_config("any", {"backbone": BACKBONE, "pretrained": False}))
    assert set(phase.rates) == {0.01} and phase.frozen.stages == 0


@given(config=configs())
def test_one_schedule_spans_all_phases_except_in_two_phase_training(config: RunConfig):
    plan = make_plan(config)

    def segment(phase: Phase) -> tuple[int, int]:
        return phase.first_epoch, phase.last_epoch

    for epoch in range(1, config.train.epochs + 1):
        expected = (1, config.train.epochs)
        if config.train.unfreeze == "two-phase":
            expected = segment(phase_of(plan, epoch))
        assert segment_of(plan, config.train, epoch) == expected


def test_too_many_stages_are_refused():
    with pytest.raises(ConfigError):
        make_plan(make_run_config("any", {"backbone": BACKBONE, "frozen_stages": 99}))
