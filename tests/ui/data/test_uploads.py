import errno
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import wait_until

from tl_core.errors import TransferLabError
from tl_core.settings import Limits
from tl_core.store.artifacts import Artifacts
from tl_ui.data.upload_batch import DiskFull, UploadIncomplete, UploadRefused, UploadTooLarge
from tl_ui.data.upload_bounds import MOST_ARRIVING, MOST_ARRIVING_EACH, MOST_OPEN, UploadsBusy
from tl_ui.data.upload_kinds import ASKED, WEIGHTS
from tl_ui.data.uploads import Uploads, new_upload_id

LIMITS = Limits(max_files=20, max_bytes=1000)


@pytest.fixture
def uploads(tmp_path):
    return Uploads(Artifacts(tmp_path), LIMITS)


@pytest.fixture
def upload(uploads):
    return uploads.get_or_open(new_upload_id())


def send(upload, number, body, piece=1 << 20):
    writer = upload.start_batch(number)
    try:
        for start in range(0, len(body), piece):
            writer.feed(body[start : start + piece])
        writer.commit()
    finally:
        writer.discard()


def contents(upload):
    return [(name, path.read_bytes()) for name, path in upload.entries()]


def folders(upload):
    return sorted(path.name for path in upload._folder.iterdir())


@pytest.mark.parametrize("piece", [1, 3, 7, 1 << 20])
def test_files_come_in_whole_however_the_stream_is_cut(upload, body, piece):
    files = [("a/1.jpg", b"one"), ("a/2.jpg", b""), ("b/3.jpg", b"three"), ("b/4.jpg", b"")]
    send(upload, 0, body(files), piece)
    assert contents(upload) == files
    upload.finish(1, 4, 8)


def test_a_batch_sent_again_replaces_itself(upload, body):
    send(upload, 0, body([("a", b"1"), ("b", b"2")]))
    send(upload, 1, body([("c", b"3")]))
    send(upload, 0, body([("a", b"one")]))
    assert contents(upload) == [("a", b"one"), ("c", b"3")]
    assert folders(upload) == ["batch-0", "batch-1"]


def test_batches_may_arrive_in_any_order_and_at_once(upload, body):
    files = [(f"f{n}", bytes([n]) * 20) for n in range(20)]

    def send_nth(n):
        send(upload, n, body([files[n]]), 3)

    with ThreadPoolExecutor(MOST_ARRIVING_EACH) as pool:
        for sent in [pool.submit(send_nth, n) for n in reversed(range(20))]:
            sent.result()
    assert contents(upload) == files
    upload.finish(20, 20, 400)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\0b", "x" * 10_000, "", "C:\\x", "é/ü"]
)
def test_names_are_data(upload, body, name):
    send(upload, 0, body([(name, b"data")]))
    assert contents(upload) == [(name, b"data")]
    assert all(path.is_relative_to(upload._folder) for _, path in upload.entries())


def test_half_a_character_does_not_survive(upload, body):
    send(upload, 0, body([("a\ud800", b"1")]))
    assert contents(upload) == [("a?", b"1")]


@pytest.mark.parametrize(
    ("files", "sizes"),
    [
        ([("a", b"123")], [4]),
        ([("a", b"123")], [2]),
        ([("a", b"1"), ("b", b"2")], [1, 2]),
        ([("a", b"")], [1]),
    ],
)
def test_sizes_that_lie_are_refused_and_leave_nothing(upload, body, files, sizes):
    with pytest.raises(UploadRefused):
        send(upload, 0, body(files, sizes))
    assert contents(upload) == folders(upload) == []


def test_a_body_that_breaks_off_leaves_the_earlier_copy(upload, body):
    send(upload, 0, body([("a", b"whole")]))
    with pytest.raises(UploadRefused, match="broke off"):
        send(upload, 0, body([("a", b"broken")])[:-2])
    assert contents(upload) == [("a", b"whole")]


def test_too_many_files(upload, body):
    send(upload, 0, body([(str(n), b"") for n in range(20)]))
    with pytest.raises(UploadTooLarge, match="20 files"):
        send(upload, 1, body([("one more", b"")]))
    send(upload, 0, body([(str(n), b"") for n in range(19)]))
    send(upload, 1, body([("one more", b"")]))
    assert len(upload.entries()) == 20


def test_too_many_bytes_are_refused_before_they_are_read(upload, body):
    writer = upload.start_batch(0)
    with pytest.raises(UploadTooLarge, match="more than"):
        writer.feed(body([("a", b"")], [1001]))
    writer.discard()


def test_batches_on_their_way_count_too(upload, body):
    first = upload.start_batch(0)
    first.feed(body([("a", b"")], [600]))
    with pytest.raises(UploadTooLarge):
        send(upload, 1, body([("b", b"x" * 600)]))
    first.discard()
    send(upload, 1, body([("b", b"x" * 600)]))


def test_finish_names_the_batches_that_are_missing(upload, body):
    send(upload, 1, body([("b", b"2")]))
    with pytest.raises(UploadIncomplete) as caught:
        upload.finish(3, 3, 3)
    assert caught.value.missing == [0, 2]


def test_finish_looks_at_the_disk(upload, body):
    send(upload, 0, body([("a", b"1")]))
    upload.entries()[0][1].write_bytes(b"")
    with pytest.raises(UploadIncomplete):
        upload.finish(1, 1, 1)


@pytest.mark.parametrize("said", [(1, 2, 1), (1, 1, 2), (0, 0, 0)])
def test_finish_compares_what_was_sent(upload, body, said):
    send(upload, 0, body([("a", b"1")]))
    with pytest.raises(UploadRefused, match="arrived"):
        upload.finish(*said)


def test_a_zip_alone_is_a_zip(upload, body):
    send(upload, 0, body([("Flowers.ZIP", b"PK")]))
    assert upload.is_zip
    send(upload, 1, body([("a.jpg", b"")]))
    assert not upload.is_zip


def test_a_zip_is_one_by_content_too(upload, body):
    send(upload, 0, body([("flowers", b"PK\3\4" + bytes(26) + b"cats/1.jpg")]))
    assert upload.is_zip
    send(upload, 0, body([("letter", b"PK\3\4" + bytes(26) + b"[Content_Types].xml")]))
    assert not upload.is_zip


def test_a_full_disk_is_said(upload, body, monkeypatch):
    def no_room(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.open", no_room)
    with pytest.raises(DiskFull, match="disk is full"):
        send(upload, 0, body([("a", b"1")]))


def test_two_uploads_do_not_mix(uploads, body):
    one, two = uploads.get_or_open("one"), uploads.get_or_open("two")
    send(one, 0, body([("a", b"1")]))
    send(two, 0, body([("a", b"2")]))
    assert contents(one) == [("a", b"1")]
    assert contents(two) == [("a", b"2")]


def test_a_taken_upload_is_gone_afterwards(uploads, upload, body):
    send(upload, 0, body([("a", b"1")]))
    with uploads.take(upload.id) as taken:
        assert contents(taken) == [("a", b"1")]
    assert not upload._folder.exists()
    with pytest.raises(UploadRefused), uploads.take(upload.id):
        pass


def test_a_batch_that_arrives_after_cancelling_leaves_nothing(tmp_path, uploads, upload, body):
    writer = upload.start_batch(0)
    writer.feed(body([("a", b"1")])[:-1])
    uploads.close(upload.id)
    writer.feed(b"1")
    with pytest.raises(UploadRefused, match="cancelled"):
        writer.commit()
    writer.discard()
    assert list((tmp_path / "staging").iterdir()) == []


def test_an_idle_upload_is_dropped_and_one_in_use_is_not(tmp_path, body):
    uploads = Uploads(Artifacts(tmp_path), LIMITS, idle_seconds=0.05)
    idle, busy = uploads.get_or_open("idle"), uploads.get_or_open("busy")
    writer = busy.start_batch(0)
    writer.feed(body([("a", b"1")])[:-1])
    time.sleep(0.1)
    uploads.drop_idle()
    assert not idle._folder.exists()
    assert busy._folder.exists()
    writer.discard()


def test_sweeping_what_dead_servers_left_spares_what_is_in_use(tmp_path, uploads, upload, body):
    send(upload, 0, body([("a", b"1")]))
    Artifacts(tmp_path).sweep_staging()
    assert contents(upload) == [("a", b"1")]


@given(
    data=st.binary(max_size=300)
    | st.builds(lambda b: len(b).to_bytes(4, "big") + b, st.binary(max_size=200))
)
@settings(
    max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_rubbish_is_refused_with_a_sentence(upload, data):
    with pytest.raises(TransferLabError):
        send(upload, 0, data, piece=50)
    assert folders(upload) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "size", "x"]), inner, max_size=3)
    ),
)


@given(value=json_values)
@settings(
    max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_headers_of_the_wrong_shape_are_refused(upload, value):
    import json

    raw = json.dumps(value).encode()
    with pytest.raises(TransferLabError):
        send(upload, 0, len(raw).to_bytes(4, "big") + raw + b"\0")


# Bounds on many uploads, and on those who send them


def threads_of_uploads():
    return [each for each in threading.enumerate() if each.name == "transferlab-uploads"]


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")
def test_open_uploads_share_a_descriptor_and_a_thread(uploads, body):
    before = open_descriptors()
    others = threads_of_uploads()
    for n in range(MOST_OPEN):
        send(uploads.get_or_open(str(n)), 0, body([("a", b"1")]))
    assert open_descriptors() - before <= 2
    assert len([each for each in threads_of_uploads() if each not in others]) == 1
    with pytest.raises(UploadsBusy, match="200 uploads are open"):
        uploads.get_or_open("one more")
    uploads.close("7")
    uploads.get_or_open("one more")
    for n in range(MOST_OPEN):
        uploads.close(str(n))


def test_a_person_has_a_limit_of_open_uploads_and_others_are_not_concerned(uploads):
    for n in range(3):
        uploads.get_or_open(f"ann {n}", "ann", most=3)
    uploads.get_or_open("ann 0", "ann", most=3)
    with pytest.raises(UploadsBusy, match="You have 3 uploads open"):
        uploads.get_or_open("ann 3", "ann", most=3)
    uploads.get_or_open("bob 0", "bob", most=3)


def test_batches_that_arrive_have_a_limit_by_person_and_in_all(uploads):
    upload = uploads.get_or_open("ann", "ann")
    writers = [upload.start_batch(n) for n in range(MOST_ARRIVING_EACH)]
    with pytest.raises(UploadsBusy, match="Too many files are being sent"):
        upload.start_batch(99)
    # Another attempt at the end of the same writer frees no second place.
    writers[0].discard()
    writers[0].discard()
    writers[0] = upload.start_batch(99)
    for n in range(MOST_ARRIVING // MOST_ARRIVING_EACH - 1):
        other = uploads.get_or_open(str(n), str(n))
        writers += [other.start_batch(k) for k in range(MOST_ARRIVING_EACH)]
    with pytest.raises(UploadsBusy):
        uploads.get_or_open("bob", "bob").start_batch(0)
    for writer in writers:
        writer.discard()
    uploads.get_or_open("bob", "bob").start_batch(0).discard()


def test_all_uploads_together_have_a_limit_of_bytes(uploads, body):
    for n in range(5):
        send(uploads.get_or_open(str(n)), 0, body([("a", b"x" * 1000)]))
    last = uploads.get_or_open("last")
    with pytest.raises(UploadsBusy, match="Others are uploading, too"):
        send(last, 0, body([("a", b"x")]))
    uploads.close("0")
    send(last, 0, body([("a", b"x")]))


@pytest.mark.parametrize(("kind", "most"), [(ASKED, 20), (WEIGHTS, 1)])
def test_an_upload_has_the_limits_of_its_kind_whatever_the_browser_says(uploads, body, kind, most):
    upload = uploads.get_or_open(f"ann {kind.new_id()}")
    send(upload, 0, body([(str(n), b"") for n in range(most)]))
    with pytest.raises(UploadTooLarge, match="limit of one upload"):
        send(upload, 1, body([("one more", b"")]))


def test_names_have_a_limit_since_they_are_in_memory(tmp_path, body):
    limits = Limits(max_files=1000, max_bytes=1000)
    upload = Uploads(Artifacts(tmp_path), limits).get_or_open("a")
    with pytest.raises(UploadRefused, match="names of these files"):
        for n in range(20):
            send(upload, n, body([("x" * 1_000_000, b"1")]))


def test_finish_with_a_million_batches_is_answered_without_counting(upload):
    with pytest.raises(UploadTooLarge, match="the limit of one upload"):
        upload.finish(1_000_000, 1_000_000, 1)
    with pytest.raises(UploadIncomplete) as caught:
        upload.finish(100_000, 100_000, 1)
    assert caught.value.missing == list(range(20_000))


def test_half_sent_uploads_are_dropped_by_the_sweeper_and_whole_ones_stay(tmp_path, body):
    uploads = Uploads(Artifacts(tmp_path), LIMITS, half_sent_seconds=0.05)
    whole = uploads.get_or_open("whole")
    send(whole, 0, body([("a", b"1")]))
    whole.finish(1, 1, 1)
    half = uploads.get_or_open("half")
    send(half, 0, body([("a", b"1")]))
    wait_until(lambda: not uploads.is_open("half"), "the end of the half-sent upload")
    wait_until(lambda: not half._folder.exists())
    assert uploads.is_open("whole")
    uploads.close("whole")
    wait_until(lambda: uploads._sweeper is None, "the end of the sweeper")
    assert list((tmp_path / "staging").iterdir()) == []
