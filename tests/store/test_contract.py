"""Contract of the store, on SQLite and PostgreSQL."""

import math
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tl_core.config import RunConfig, make_run_config
from tl_core.errors import (
    ConfigError,
    DatasetInUse,
    RunNotReady,
    StoreUnavailable,
    UnknownDataset,
    UnknownRun,
)
from tl_core.facts import RunFacts, SplitSizes
from tl_core.presets import ANY_DATASET
from tl_core.records import (
    DatasetRecord,
    ImageRecord,
    MetricPoint,
    Prediction,
    Progress,
    RunState,
    SkippedFile,
    TestResult,
)
from tl_core.store import RunQuery, SqlStore

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=50) | st.sampled_from(
    ["\0", "\ud800", "\ud83d\ude00", "😀", "\x1a0000", "\x1a", "a\\u0000b", "%s", "\r\n", "'; --"]
)

RESULT = TestResult(10, 0.1, 0.9, 0.8, 0.7, 0.6, 0.5)


def an_image(position: int, **changes: object) -> ImageRecord:
    name = f"rose/{position}.jpg"
    image = ImageRecord(position, f"{position:064x}", name, "rose", None, "jpg", 640, 480)
    return replace(image, **changes)


def a_point(seq: int, **changes: object) -> MetricPoint:
    point = MetricPoint(seq, epoch=1, step=seq + 1, split="train", name="loss", value=0.5, n=32)
    return replace(point, **changes)


# Datasets


def test_a_dataset_comes_back_as_it_went_in(store: SqlStore, dataset: DatasetRecord):
    images = [an_image(1, split="val", name="rosé/é.png", extension="png"), an_image(0)]
    skipped = [SkippedFile("b.gif", "Not an image."), SkippedFile("a.gif", "Not an image.")]
    assert store.add_dataset(dataset, images, skipped) == dataset
    assert store.get_dataset(dataset.id) == dataset
    assert store.list_images(dataset.id) == [images[1], images[0]]
    assert store.list_skipped(dataset.id) == skipped


def test_a_dataset_may_be_without_skipped_files_and_warnings(
    store: SqlStore, dataset: DatasetRecord
):
    plain = replace(dataset, warnings=(), n_skipped=0)
    store.add_dataset(plain, [], [])
    assert store.get_dataset(plain.id) == plain
    assert store.list_images(plain.id) == []
    assert store.list_skipped(plain.id) == []


def test_the_first_of_two_datasets_with_one_id_is_kept(store: SqlStore, dataset: DatasetRecord):
    store.add_dataset(dataset, [an_image(0)], [])
    again = store.add_dataset(
        replace(dataset, name="other"), [an_image(0, name="x"), an_image(1)], []
    )
    assert again == dataset
    assert store.list_images(dataset.id) == [an_image(0)]


def test_datasets_are_listed_newest_first(store: SqlStore, dataset: DatasetRecord):
    older = replace(dataset, id="f" * 16, created_at=dataset.created_at - 1)
    store.add_dataset(dataset, [], [])
    store.add_dataset(older, [], [])
    assert store.list_datasets() == [dataset, older]


@pytest.mark.parametrize("wanted", ["0123456789abcdef", "0123", "01234567", "flowers"])
def test_a_dataset_is_found_by_id_by_start_and_by_name(
    store: SqlStore, dataset: DatasetRecord, wanted: str
):
    store.add_dataset(dataset, [], [])
    assert store.get_dataset(wanted) == dataset


@pytest.mark.parametrize(
    "wanted",
    ["", "012", "flower", "FLOWERS", "____", "%%%%", "0123%", "1234", "a\0bc", "\ud800abc"],
)
def test_a_name_that_nothing_has_is_unknown(store: SqlStore, dataset: DatasetRecord, wanted: str):
    store.add_dataset(dataset, [], [])
    with pytest.raises(UnknownDataset) as refusal:
        store.get_dataset(wanted)
    assert repr(wanted) in str(refusal.value)
    assert "flowers (0123456789abcdef)" in str(refusal.value)


def test_an_empty_store_says_to_import_a_dataset(store: SqlStore):
    with pytest.raises(UnknownDataset, match="none yet: import one"):
        store.get_dataset("flowers")


def test_a_name_or_start_that_two_share_is_refused_with_their_ids(
    store: SqlStore, dataset: DatasetRecord
):
    twin = replace(dataset, id="0123aaaaaaaaaaaa")
    store.add_dataset(dataset, [], [])
    store.add_dataset(twin, [], [])
    for wanted in ("flowers", "0123"):
        with pytest.raises(UnknownDataset, match="0123456789abcdef, 0123aaaaaaaaaaaa"):
            store.get_dataset(wanted)
    assert store.get_dataset(twin.id) == twin


def test_a_whole_id_wins_over_a_name_that_reads_like_it(store: SqlStore, dataset: DatasetRecord):
    impostor = replace(dataset, id="f" * 16, name=dataset.id)
    store.add_dataset(dataset, [], [])
    store.add_dataset(impostor, [], [])
    assert store.get_dataset(dataset.id) == dataset


def test_a_deleted_dataset_is_gone_and_may_come_again(store: SqlStore, dataset: DatasetRecord):
    store.add_dataset(dataset, [an_image(0)], [SkippedFile("a", "b")])
    store.delete_dataset(dataset.id)
    assert store.list_datasets() == []
    assert store.list_images(dataset.id) == []
    assert store.list_skipped(dataset.id) == []
    store.add_dataset(dataset, [an_image(5)], [])
    assert store.list_images(dataset.id) == [an_image(5)]


def test_a_dataset_that_is_not_there_cannot_be_deleted(store: SqlStore):
    with pytest.raises(UnknownDataset, match="'0123456789abcdef'"):
        store.delete_dataset("0123456789abcdef")


def test_a_dataset_is_kept_while_a_run_needs_it(
    store: SqlStore, dataset: DatasetRecord, config: RunConfig
):
    store.add_dataset(dataset, [an_image(0)], [])
    run = store.add_run(config, dataset.name)
    with pytest.raises(DatasetInUse, match=run.id):
        store.delete_dataset(dataset.id)
    store.claim_run(run.id)
    with pytest.raises(DatasetInUse, match="flowers cannot be deleted"):
        store.delete_dataset(dataset.id)
    assert store.list_images(dataset.id) == [an_image(0)]


def test_a_finished_run_outlives_its_dataset(
    store: SqlStore, dataset: DatasetRecord, config: RunConfig
):
    store.add_dataset(dataset, [], [])
    run = store.add_run(config, dataset.name)
    store.append_metrics(run.id, [a_point(0)])
    store.finish_run(run.id, RunState.COMPLETED)
    store.delete_dataset(dataset.id)
    assert store.get_run(run.id).dataset_name == "flowers"
    assert store.list_metrics(run.id) == [a_point(0)]


# Runs


def test_a_new_run_is_queued_with_its_configuration(store: SqlStore):
    frozen = {"frozen_stages": 3, "frozen_names": "a.*"}
    others = {"split_seed": 2**32 - 1, "hidden_units": "9,8", "learning_rate": 1e-4, "blur": 0.5}
    config = make_run_config("d" * 16, frozen | others)
    before = time.time()
    run = store.add_run(config, "flowers", RunFacts(device="cpu"))
    assert run == store.get_run(run.id)
    assert (run.state, run.config, run.dataset_name) == (RunState.QUEUED, config, "flowers")
    assert run.facts == RunFacts(device="cpu")
    assert before <= run.created_at <= time.time()
    assert (run.started_at, run.finished_at, run.progress, run.result) == (None,) * 4
    assert run.epochs_done == 0


def test_run_ids_are_short_and_hard_to_misread(store: SqlStore, config: RunConfig):
    ids = {store.add_run(config, "flowers").id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(run_id) == 8 and run_id[0].isalpha() for run_id in ids)
    assert not set("".join(ids)) & set("01oilOIL")


def test_a_run_is_found_by_the_start_of_its_id(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    assert store.get_run(run.id[:4]) == run
    for wanted in (run.id[:3], run.id.upper(), run.id + "x", "", "%%%%"):
        with pytest.raises(UnknownRun, match="There is no run"):
            store.get_run(wanted)


def test_runs_are_listed_newest_first(store: SqlStore, config: RunConfig):
    runs = [store.add_run(config, "flowers") for _ in range(5)]
    assert store.list_runs() == runs[::-1]


def test_a_query_chooses_runs(store: SqlStore, config: RunConfig):
    other = make_run_config("e" * 16, {"backbone": "resnet18"})
    first, second, third = (store.add_run(one, "x") for one in (config, other, config))
    store.claim_run(second.id)
    store.update_run(second.id, best_epoch=1, facts=RunFacts(comparison="c1"))
    store.update_run(second.id, facts=RunFacts(device="cpu"))
    store.annotate_run(third.id, is_favourite=True)

    def chosen(**query: Any) -> list[str]:
        return [run.id for run in store.list_runs(RunQuery(**query))]

    assert chosen() == [third.id, second.id, first.id]
    assert chosen(limit=2) == [third.id, second.id]
    assert chosen(ids=(first.id, third.id, "missing2")) == [third.id, first.id]
    assert chosen(ids=()) == []
    assert chosen(states=(RunState.QUEUED,), limit=1) == [third.id]
    assert chosen(dataset_id="e" * 16) == chosen(has_learned=True) == [second.id]
    assert chosen(comparison="c1") == chosen(is_compared=True) == [second.id]
    assert chosen(comparison="") == [third.id, first.id]
    assert chosen(is_favourite=True) == [third.id]
    assert chosen(started_after=0.0) == [second.id] and chosen(started_after=1e12) == []
    store.bin_run(third.id)
    assert chosen(is_favourite=True) == []


def test_a_summary_says_what_the_run_says(store: SqlStore, config: RunConfig):
    plain = store.add_run(config, "flowers")
    run = store.add_run(make_run_config("e" * 16, {"backbone": "resnet18"}), "*<b>*")
    store.annotate_run(run.id, title="T", note="N\n\0", tags=["a", "b"], is_favourite=True)
    store.update_run(run.id, val_accuracy=0.25, result=RESULT)
    binned = store.add_run(config, "flowers")
    store.bin_run(binned.id)
    newest, oldest = store.summarise_runs()
    assert oldest.id == plain.id and oldest.test_accuracy is None
    found = store.get_run(run.id)
    for name in ("id", "state", "dataset_name", "title", "note", "tags", "is_favourite"):
        assert getattr(newest, name) == getattr(found, name)
    assert (newest.dataset_id, newest.backbone) == ("e" * 16, "resnet18")
    assert (newest.val_accuracy, newest.test_accuracy) == (0.25, RESULT.accuracy)


def test_runs_are_claimed_in_the_order_they_were_added(store: SqlStore, config: RunConfig):
    first, second = (store.add_run(config, "flowers") for _ in range(2))
    claimed = store.claim_next_run()
    assert claimed is not None
    assert (claimed.id, claimed.state) == (first.id, RunState.RUNNING)
    assert claimed.started_at is not None
    assert claimed == store.get_run(first.id)
    assert store.claim_next_run().id == second.id
    assert store.claim_next_run() is None
    assert [run.id for run in store.list_running_runs()] == [first.id, second.id]


def test_a_run_is_claimed_by_id_once(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    assert store.claim_run(run.id).state is RunState.RUNNING
    assert store.claim_run(run.id) is None
    assert store.claim_run("missing2") is None


def test_a_queued_run_is_cancelled_at_once(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.request_cancel(run.id)
    cancelled = store.get_run(run.id)
    assert cancelled.state is RunState.CANCELLED
    assert cancelled.finished_at is not None
    assert cancelled.message == ""
    assert store.claim_next_run() is None


def test_a_running_run_is_asked_to_stop(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    assert store.is_cancel_requested(run.id) is False
    store.request_cancel(run.id)
    assert store.is_cancel_requested(run.id) is True
    assert store.get_run(run.id).state is RunState.RUNNING


def test_a_finished_run_cannot_be_cancelled(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.finish_run(run.id, RunState.COMPLETED)
    finished = store.get_run(run.id)
    store.request_cancel(run.id)
    assert store.get_run(run.id) == finished
    assert store.is_cancel_requested(run.id) is False


def test_a_run_that_is_gone_counts_as_cancelled(store: SqlStore):
    store.request_cancel("missing2")
    assert store.is_cancel_requested("missing2") is True


def test_a_queued_run_is_paused_at_once_and_not_claimed(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.request_pause(run.id)
    paused = store.get_run(run.id)
    assert (paused.state, paused.finished_at) == (RunState.PAUSED, None)
    assert (store.asked_of(run.id), paused.message) == (None, "")
    assert store.claim_next_run() is None and store.claim_run(run.id) is None


def test_a_running_run_is_asked_to_pause_until_it_is_asked_to_stop(
    store: SqlStore, config: RunConfig
):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    assert store.asked_of(run.id) is None
    store.request_pause(run.id)
    assert (store.asked_of(run.id), store.is_cancel_requested(run.id)) == ("pause", False)
    store.request_cancel(run.id)
    store.request_pause(run.id)
    assert (store.asked_of(run.id), store.is_cancel_requested(run.id)) == ("cancel", True)


@pytest.mark.parametrize("state", [state for state in RunState if state.is_finished])
def test_a_finished_run_cannot_be_paused(store: SqlStore, config: RunConfig, state: RunState):
    run = store.add_run(config, "flowers")
    store.finish_run(run.id, state, "Done.")
    finished = store.get_run(run.id)
    store.request_pause(run.id)
    assert (store.get_run(run.id), store.asked_of(run.id)) == (finished, None)


def test_a_run_that_is_gone_is_asked_to_stop(store: SqlStore):
    store.request_pause("missing2")
    assert store.asked_of("missing2") == "cancel"


def test_a_paused_run_is_cancelled_at_once(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    store.update_run(run.id, epochs_done=2)
    store.finish_run(run.id, RunState.PAUSED, "Paused.")
    assert store.get_run(run.id).finished_at is None
    store.request_cancel(run.id)
    cancelled = store.get_run(run.id)
    assert cancelled.state is RunState.CANCELLED and cancelled.finished_at is not None
    assert (cancelled.message, cancelled.epochs_done) == ("", 2)


def test_a_run_that_pauses_while_it_is_asked_to_stop_is_cancelled(
    store: SqlStore, config: RunConfig
):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    store.request_pause(run.id)
    store.request_cancel(run.id)
    store.finish_run(run.id, RunState.PAUSED, "Stopped.")
    assert store.get_run(run.id).state is RunState.CANCELLED


@pytest.mark.parametrize(
    "state", [RunState.PAUSED, RunState.CANCELLED, RunState.INTERRUPTED, RunState.FAILED]
)
def test_a_run_at_rest_is_queued_again_with_all_it_has_reported(
    store: SqlStore, config: RunConfig, state: RunState
):
    run, later = (store.add_run(config, "flowers", RunFacts(device="cpu")) for _ in range(2))
    claimed = store.claim_run(run.id)
    store.append_metrics(run.id, [a_point(0)])
    store.update_run(
        run.id, epochs_done=1, best_epoch=1, val_accuracy=0.5, progress=Progress("training", 0.2)
    )
    store.request_pause(run.id)
    store.finish_run(run.id, state, "Stopped.")
    again = store.queue_again(run.id)
    assert again == store.get_run(run.id)
    assert (again.state, again.message) == (RunState.QUEUED, "")
    assert (again.finished_at, again.progress) == (None, None)
    assert (again.epochs_done, again.best_epoch, again.val_accuracy) == (1, 1, 0.5)
    assert again.facts == RunFacts(device="cpu", resumed=1, first_started_at=claimed.started_at)
    assert store.list_metrics(run.id) == [a_point(0)]
    assert store.asked_of(run.id) is None
    # It keeps its place in the queue.
    assert store.claim_next_run().id == run.id
    assert store.claim_next_run().id == later.id


def test_a_run_is_queued_again_with_more_epochs(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.request_pause(run.id)
    longer = make_run_config(config.data.dataset_id, {"epochs": 9}, base=config)
    again = store.queue_again(run.id, longer)
    assert again.config == longer == store.claim_run(run.id).config
    assert again.facts == RunFacts(), "counted as resumed before it had started"


def test_a_running_run_is_put_back_to_its_place(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.add_run(config, "flowers")
    assert store.put_back(run.id) is None
    claimed = store.claim_run(run.id)
    store.update_run(run.id, epochs_done=2, progress=Progress("training", 0.2))
    back = store.put_back(run.id, RunFacts(deaths=1))
    assert (back.state, back.epochs_done, back.progress) == (RunState.QUEUED, 2, None)
    assert back.facts == RunFacts(deaths=1, resumed=1, first_started_at=claimed.started_at)
    assert store.claim_next_run().id == run.id
    store.request_pause(run.id)
    assert store.put_back(run.id) is None and store.get_run(run.id).state is RunState.RUNNING


@pytest.mark.parametrize(
    ("bring_to", "words"),
    [
        (lambda store, run_id: None, "is queued and cannot be resumed: it waits for its turn"),
        (
            lambda store, run_id: store.claim_run(run_id),
            "is running and cannot be resumed: it goes on already",
        ),
        (
            lambda store, run_id: store.finish_run(run_id, RunState.COMPLETED),
            "is completed and cannot be resumed",
        ),
    ],
    ids=["queued", "running", "completed"],
)
def test_a_run_that_is_not_at_rest_cannot_be_queued_again(
    store: SqlStore, config: RunConfig, bring_to, words: str
):
    run = store.add_run(config, "flowers")
    bring_to(store, run.id)
    before = store.get_run(run.id)
    with pytest.raises(RunNotReady, match=words):
        store.queue_again(run.id)
    assert store.get_run(run.id) == before


def test_a_run_that_has_not_paused_yet_says_to_wait(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    store.request_pause(run.id)
    with pytest.raises(RunNotReady, match="before it has paused, which takes a moment"):
        store.queue_again(run.id)


def test_a_run_that_is_gone_cannot_be_queued_again(store: SqlStore):
    with pytest.raises(UnknownRun, match="missing2"):
        store.queue_again("missing2")


def test_a_paused_run_can_be_deleted_and_keeps_its_dataset_until_then(
    store: SqlStore, dataset: DatasetRecord, config: RunConfig
):
    store.add_dataset(dataset, [], [])
    run = store.add_run(config, dataset.name, state=RunState.PAUSED)
    with pytest.raises(DatasetInUse, match=rf"wait for {run.id} \(paused\), or stop it first"):
        store.delete_dataset(dataset.id)
    store.delete_run(run.id)
    store.delete_dataset(dataset.id)
    assert store.list_runs() == []


def test_notes_are_collected_and_other_facts_replaced(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.update_run(run.id, facts=RunFacts(notes=("One.",), classes=("a", "b")))
    store.update_run(run.id, facts=RunFacts(notes=("Two.", "One."), classes=("c",)))
    assert store.get_run(run.id).facts == RunFacts(notes=("One.", "Two."), classes=("c",))


def test_an_update_changes_what_is_given_and_nothing_else(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers", RunFacts(device="cpu"))
    progress = Progress("training", 0.25, "epoch 2 of 5", seconds_left=12.5)
    result = TestResult(10, 0.1, 0.9, 0.8, 0.7, 0.6, 0.5)
    store.update_run(run.id, progress=progress, epochs_done=2)
    store.update_run(run.id, best_epoch=1, val_accuracy=0.75, facts=RunFacts(seconds_before=1.5))
    store.update_run(run.id, result=result)
    store.update_run(run.id)
    assert store.get_run(run.id) == replace(
        run,
        progress=progress,
        epochs_done=2,
        best_epoch=1,
        val_accuracy=0.75,
        result=result,
        facts=RunFacts(device="cpu", seconds_before=1.5),
    )


def test_zero_is_a_value_like_any_other(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.update_run(run.id, epochs_done=3, val_accuracy=0.5)
    store.update_run(run.id, epochs_done=0, val_accuracy=0.0)
    assert (store.get_run(run.id).epochs_done, store.get_run(run.id).val_accuracy) == (0, 0.0)


def test_a_result_may_hold_nan(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.update_run(run.id, result=TestResult(1, math.nan, 0, 0, 0, 0, 0), val_accuracy=math.nan)
    read = store.get_run(run.id)
    assert math.isnan(read.result.loss)
    assert read.val_accuracy is None


def test_facts_come_back_as_they_were_and_absent_ones_stay_absent(
    store: SqlStore, config: RunConfig
):
    facts = RunFacts(
        classes=("a", "\0\ud800😀"),
        splits=SplitSizes(train=3, val=2, test=1),
        total_parameters=2**40,
        cached_views=0,
    )
    run = store.add_run(config, "flowers", facts)
    assert run.facts == store.get_run(run.id).facts == facts
    assert store.get_run(run.id).facts.model_fields_set == facts.model_fields_set


@pytest.mark.parametrize("value", [math.nan, math.inf, object()])
def test_facts_that_json_cannot_hold_are_refused_whole(
    store: SqlStore, config: RunConfig, value: object
):
    run = store.add_run(config, "flowers", RunFacts(workers=1))
    with pytest.raises((ValueError, TypeError)):
        store.update_run(run.id, facts=RunFacts(workers=2, seconds_before=value), epochs_done=3)
    assert store.get_run(run.id) == run


def test_a_run_finishes_once(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    store.finish_run(run.id, RunState.FAILED, "Out of memory\0 in 'rosé' 😀.")
    store.finish_run(run.id, RunState.COMPLETED, "Fine.")
    finished = store.get_run(run.id)
    assert (finished.state, finished.message) == (RunState.FAILED, "Out of memory\0 in 'rosé' 😀.")
    assert finished.finished_at >= finished.started_at
    assert store.list_running_runs() == []
    assert store.claim_run(run.id) is None


def test_a_run_keeps_its_first_start_however_often_it_is_resumed(
    store: SqlStore, config: RunConfig
):
    run = store.add_run(config, "flowers")
    started = [store.claim_run(run.id).started_at]
    assert store.get_run(run.id).facts.first_started_at is None
    for _ in range(2):
        store.finish_run(run.id, RunState.PAUSED)
        store.queue_again(run.id)
        claimed = store.claim_run(run.id)
        started.append(claimed.started_at)
        assert claimed.facts.first_started_at == started[0]
    assert started[0] < started[1] < started[2]


def test_a_first_start_that_an_old_version_lost_is_not_replaced_by_a_later_one(
    store: SqlStore, config: RunConfig
):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    store.update_run(run.id, facts=RunFacts(resumed=1))
    store.finish_run(run.id, RunState.PAUSED)
    assert store.queue_again(run.id).facts == RunFacts(resumed=2)


def test_a_run_cannot_end_in_the_state_running(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    with pytest.raises(ValueError, match="running is not a state in which a run can end"):
        store.finish_run(run.id, RunState.RUNNING)


def test_a_deleted_run_is_gone_with_all_it_reported(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.append_metrics(run.id, [a_point(0)])
    store.put_predictions(run.id, "val", 1, [Prediction(0, 0, (1.0, 0.0))])
    store.delete_run(run.id)
    assert store.list_runs() == []
    assert store.list_metrics(run.id) == []
    assert store.list_predictions(run.id, "val") == (0, [])
    with pytest.raises(UnknownRun, match=run.id):
        store.delete_run(run.id)


def test_a_running_run_cannot_be_deleted(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    with pytest.raises(RunNotReady, match="running and cannot be deleted: stop it first"):
        store.delete_run(run.id)
    assert store.get_run(run.id).state is RunState.RUNNING


def test_what_a_deleted_run_still_reports_is_dropped(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.delete_run(run.id)
    store.append_metrics(run.id, [a_point(0)])
    store.put_predictions(run.id, "val", 1, [Prediction(0, 0, (1.0, 0.0))])
    store.update_run(run.id, epochs_done=1, facts=RunFacts(workers=1))
    store.finish_run(run.id, RunState.COMPLETED)
    assert store.list_metrics(run.id) == []
    assert store.list_predictions(run.id, "val") == (0, [])
    assert store.list_runs() == []


# Metrics and predictions


def test_metrics_come_back_in_order_and_from_where_one_left_off(store: SqlStore, config: RunConfig):
    run, other = (store.add_run(config, "flowers") for _ in range(2))
    points = [a_point(seq, value=seq / 3, step=2**40 + seq) for seq in range(5)]
    store.append_metrics(run.id, [points[3], points[4]])
    store.append_metrics(run.id, points[:3])
    store.append_metrics(run.id, [])
    store.append_metrics(other.id, [a_point(0)])
    assert store.list_metrics(run.id) == points
    assert store.list_metrics(run.id, after=2) == points[3:]
    assert store.list_metrics(run.id, after=4) == []
    preview = [a_point(seq, epoch=0) for seq in (-3, -2)]
    store.append_metrics(run.id, preview)
    assert store.list_preview(run.id) == preview and store.list_preview(other.id) == []
    assert store.list_metrics(run.id) == store.list_metrics(run.id, after=-9) == points


def test_a_repeated_point_changes_nothing(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.append_metrics(run.id, [a_point(0), a_point(1)])
    store.append_metrics(run.id, [a_point(0, value=9.0), a_point(2), a_point(2, value=9.0)])
    assert store.list_metrics(run.id) == [a_point(0), a_point(1), a_point(2)]


def test_points_of_later_epochs_are_dropped(store: SqlStore, config: RunConfig):
    run, other = (store.add_run(config, "flowers") for _ in range(2))
    points = [a_point(seq, epoch=1 + seq // 2) for seq in range(6)]
    for one in (run, other):
        store.append_metrics(one.id, points)
    store.drop_metrics(run.id, after_epoch=2)
    assert store.list_metrics(run.id) == points[:4] and store.list_metrics(other.id) == points
    store.append_metrics(run.id, [a_point(4, value=9.0)])
    assert store.list_metrics(run.id) == [*points[:4], a_point(4, value=9.0)]


def test_a_diverged_loss_is_stored_exactly(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    values = [math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308]
    store.append_metrics(run.id, [a_point(seq, value=value) for seq, value in enumerate(values)])
    read = [point.value for point in store.list_metrics(run.id)]
    assert math.isnan(read[0])
    assert read[1:] == values[1:]


def test_predictions_come_back_in_order_of_position(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    predictions = [Prediction(7, 1, (0.25, 0.75)), Prediction(2, 0, (0.5, 0.5))]
    store.put_predictions(run.id, "val", 3, predictions)
    assert store.list_predictions(run.id, "val") == (3, predictions[::-1])
    assert store.list_predictions(run.id, "test") == (0, [])


def test_later_predictions_take_the_place_of_earlier_ones(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    test = [Prediction(9, 2, (0.0, 0.0, 1.0))]
    store.put_predictions(run.id, "test", 1, test)
    store.put_predictions(
        run.id, "val", 1, [Prediction(0, 0, (1.0, 0.0)), Prediction(1, 0, (1.0, 0.0))]
    )
    store.put_predictions(run.id, "val", 2, [Prediction(1, 0, (0.0, 1.0))])
    assert store.list_predictions(run.id, "val") == (2, [Prediction(1, 0, (0.0, 1.0))])
    assert store.list_predictions(run.id, "test") == (1, test)
    store.put_predictions(run.id, "val", 3, [])
    assert store.list_predictions(run.id, "val") == (3, [])


def test_ten_thousand_predictions_of_two_hundred_classes_fit(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    probabilities = (0.5,) + (0.0,) * 198 + (0.5,)
    predictions = [
        Prediction(position, position % 200, probabilities) for position in range(10_000)
    ]
    store.put_predictions(run.id, "test", 1, predictions)
    assert store.list_predictions(run.id, "test") == (1, predictions)


# Annotations


@given(title=ANY_TEXT, note=ANY_TEXT, tags=st.lists(ANY_TEXT.map(lambda tag: tag[:40]), max_size=5))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_annotations_of_a_run_come_back(
    store: SqlStore, config: RunConfig, title: str, note: str, tags: list
):
    run = store.add_run(config, "flowers")
    annotated = store.annotate_run(run.id, title=title, note=note, tags=tags, is_favourite=True)
    assert store.get_run(run.id) == annotated
    assert annotated.title == " ".join(title.split())
    assert annotated.note == note.strip() and annotated.is_favourite
    stripped = [" ".join(tag.split()) for tag in tags if tag.strip()]
    assert list(annotated.tags) == list(dict.fromkeys(stripped))


def test_an_annotation_changes_nothing_else(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.annotate_run(run.id, note="why")
    annotated = store.annotate_run(run.id, title="first")
    assert annotated == replace(run, note="why", title="first")
    annotated = store.annotate_run(run.id, is_favourite=True, note="")
    assert annotated == replace(run, title="first", is_favourite=True)


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ({"title": "x" * 81}, "title has 81 characters: give at most 80"),
        ({"note": "x" * 5001}, "note has 5,001 characters"),
        ({"tags": ["x" * 41]}, "tag has 41 characters"),
        ({"tags": [str(i) for i in range(13)]}, "13 tags: give at most 12"),
    ],
)
def test_annotations_that_are_too_long_are_refused_whole(
    store: SqlStore, config: RunConfig, annotations: dict, words: str
):
    run = store.add_run(config, "flowers")
    with pytest.raises(ConfigError, match=words):
        store.annotate_run(run.id, is_favourite=True, **annotations)
    assert store.get_run(run.id) == run


def test_a_deleted_run_cannot_be_annotated(store: SqlStore):
    with pytest.raises(UnknownRun):
        store.annotate_run("gone", title="x")


# Presets


def test_a_preset_comes_back_without_its_dataset(store: SqlStore, config: RunConfig):
    saved = store.save_preset(" Müllers  recipe ", "For rosé\0 🙂.", config)
    assert store.list_presets() == [saved]
    assert (saved.name, saved.description) == ("Müllers recipe", "For rosé\0 🙂.")
    assert saved.config == make_run_config(ANY_DATASET, {"epochs": 5})
    assert time.time() - 10 < saved.created_at <= time.time()


def test_presets_are_listed_by_name_and_can_be_deleted(store: SqlStore, config: RunConfig):
    for name in ("b", "C", "a"):
        store.save_preset(name, "", config)
    assert [preset.name for preset in store.list_presets()] == ["a", "b", "C"]
    store.delete_preset("b")
    store.delete_preset("never there")
    assert [preset.name for preset in store.list_presets()] == ["a", "C"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mine", "There is already a preset called 'mine': give another name, or delete it first"),
        (" ", "needs a name"),
        ("x" * 81, "81 characters: give at most 80"),
        ("two-phase", "comes with TransferLab is called 'two-phase'"),
    ],
)
def test_an_impossible_preset_name_is_refused(
    store: SqlStore, config: RunConfig, name: str, words: str
):
    first = store.save_preset("mine", "The first.", config)
    with pytest.raises(ConfigError, match=words):
        store.save_preset(name, "", config)
    assert store.list_presets() == [first]


# Text


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=ANY_TEXT, reason=ANY_TEXT)
def test_any_text_comes_back_exactly(
    store: SqlStore, dataset: DatasetRecord, config: RunConfig, name: str, reason: str
):
    fresh = replace(dataset, name=name, classes=(name, reason), warnings=(reason,))
    store.add_dataset(
        fresh, [an_image(0, name=name, class_name=reason)], [SkippedFile(name, reason)]
    )
    run = store.add_run(config, name, RunFacts(notes=(reason,)))
    store.append_metrics(run.id, [a_point(0, split=name, name=reason)])
    store.finish_run(run.id, RunState.FAILED, reason)
    try:
        assert store.get_dataset(dataset.id) == fresh
        assert store.get_dataset(name) == fresh
        assert store.list_images(dataset.id) == [an_image(0, name=name, class_name=reason)]
        assert store.list_skipped(dataset.id) == [SkippedFile(name, reason)]
        assert store.list_metrics(run.id) == [a_point(0, split=name, name=reason)]
        read = store.get_run(run.id)
        assert (read.dataset_name, read.message) == (name, reason)
        assert read.facts == RunFacts(notes=(reason,))
    finally:
        store.delete_dataset(dataset.id)
        store.delete_run(run.id)


# Opening


def test_what_was_kept_is_there_when_opened_again(
    url: str, store: SqlStore, config: RunConfig, open_url
):
    run = store.add_run(config, "flowers")
    store.close()
    assert open_url(url).get_run(run.id) == run


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cr%40t@127.0.0.1:1/lab",
        "postgres://ann:s3cr%40t@127.0.0.1:1/lab?connect_timeout=1",
        "postgresql+psycopg://ann@127.0.0.1:1/lab?password=s3cr%40t",
        "mysql://ann:s3cr%40t@127.0.0.1/lab",
        "s3cr@t is not a URL",
        "postgresql://ann:s3cr@t:notaport/lab",
        "sqlite:////proc/s3cret/no/such.db",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_store_that_cannot_be_opened_is_a_sentence_without_the_password(url: str):
    with pytest.raises(StoreUnavailable) as refusal:
        SqlStore(url)
    assert "s3cr@t" not in str(refusal.value)
    assert "s3cr%40t" not in str(refusal.value)
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_no_database_is_a_sentence(tmp_path):
    (tmp_path / "store.db").write_text("something else\n" * 100)
    with pytest.raises(
        StoreUnavailable, match=r'store\.db" cannot be used: file is not a database\.$'
    ):
        SqlStore(f"sqlite:///{tmp_path / 'store.db'}")


def test_a_folder_in_the_way_of_the_file_is_a_sentence(tmp_path):
    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        SqlStore(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_url_is_accepted(postgres_url: str, open_url, scheme: str):
    assert open_url(postgres_url.replace("postgresql", scheme, 1)).list_runs() == []


def test_a_database_that_is_not_there_is_a_sentence(postgres: str):
    with pytest.raises(StoreUnavailable, match='database "nowhere" does not exist'):
        SqlStore(f"postgresql://postgres@/nowhere?host={postgres}")
