"""Facts for tests: a record with every field set."""

from tl_core.facts import (
    CachedRows,
    FrozenPace,
    PlannedPhase,
    RunFacts,
    SplitFingerprints,
    SplitSizes,
    TrainCheck,
)


def full_facts() -> RunFacts:
    facts = RunFacts(
        classes=("cat", "dog"),
        trainable_parameters=10,
        total_parameters=2**40,
        left_to_machine=("batch_size",),
        comparison="c1",
        continues="bcdf",
        environment={"python": "3.11"},
        seconds_before=1.5,
        seconds_by_stage={"training": 2.5},
        processor_seconds={"training": 4.5},
        processor_saved=1.5,
        others_share=0.25,
        cached_rows=CachedRows(found=3, needed=4),
        deaths=1,
        went_on_after=3,
        resumed=2,
        first_started_at=1.5,
        device="CPU",
        workers=4,
        weights="All fitted.",
        first_weights="0123",
        majority_label=1,
        splits=SplitSizes(train=3, val=2, test=1),
        split_warnings=("dog is missing",),
        split_fingerprint=SplitFingerprints(train="a", val="b", test="c"),
        frozen_stages=1,
        plan=(PlannedPhase(first_epoch=1, last_epoch=2, frozen_stages=1, rates=(0.0, 0.5)),),
        cached_views=3,
        cache_note="No room.",
        precision_note="Too large.",
        features_by="ONNX Runtime",
        frozen_part=FrozenPace(stages=4, seconds=0.25, start_seconds=1.0),
        micro_batch=8,
        compiled="Faster.",
        notes=("One.",),
        train_check=TrainCheck(n=3, accuracy=1.0, loss=0.5),
    )
    assert facts.model_fields_set == set(RunFacts.model_fields)
    return facts
