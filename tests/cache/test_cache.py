"""Cached rows are complete or missing, and limits hold, even beside writers that are killed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tl_core.cache import CacheMiss, RowCache, Shelf, space
from tl_core.cache.segment import DTYPES, Segment
from tl_core.locks import hold_lock, is_locked, try_lock

MB = 2**20
RECIPE = {"made by": "a test", "size": 224, "share": 0.5, "shape": (3, 4), "none": None}

shapes = arrays.array_shapes(min_dims=0, max_dims=3, max_side=4)


def rows_of(
    shapes_of_rows: st.SearchStrategy[list[tuple[int, ...]]],
) -> st.SearchStrategy[list[np.ndarray]]:
    def rows(drawn: tuple[str, list[tuple[int, ...]]]) -> st.SearchStrategy[list[np.ndarray]]:
        dtype, shapes = drawn
        return st.tuples(*(arrays.arrays(dtype, shape) for shape in shapes)).map(list)

    return st.tuples(st.sampled_from(DTYPES), shapes_of_rows).flatmap(rows)


many_shapes = rows_of(st.lists(shapes, min_size=1, max_size=6))
one_shape = rows_of(st.tuples(shapes, st.integers(1, 6)).map(lambda drawn: [drawn[0]] * drawn[1]))


@pytest.fixture
def cache(tmp_path: Path) -> RowCache:
    return RowCache(tmp_path / "cache", max_bytes=MB, keep_free=0)


def block(seed: int, n: int = 4, side: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)


def names(start: int, n: int = 4) -> list[str]:
    return [str(number) for number in range(start, start + n)]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("cache/*/*.rows"))


IMPORTS = "import sys, numpy as np\nfrom pathlib import Path\nfrom tl_core.cache import RowCache\n"


def in_child(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", IMPORTS + code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@settings(max_examples=60)
@given(blocks=st.lists(many_shapes | one_shape, min_size=1, max_size=3), data=st.data())
def test_rows_are_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[list[np.ndarray]], data
):
    folder = tmp_path_factory.mktemp("cache")
    written: dict[str, np.ndarray] = {}
    shelf = RowCache(folder, MB, keep_free=0).shelf(RECIPE)
    for block in blocks:
        keys = [f"é{len(written) + number}" for number in range(len(block))]
        assert shelf.write(keys, block)
        written.update(zip(keys, block, strict=True))

    asked = data.draw(st.lists(st.sampled_from(sorted(written)), min_size=1, max_size=100))
    again = RowCache(folder, MB).shelf(dict(reversed(RECIPE.items())))
    assert again.find([*asked, "another"]) == [True] * len(asked) + [False]
    rows = again.rows(asked)
    assert len(rows) == len(asked)
    for number, key in enumerate(asked):
        np.testing.assert_array_equal(rows[number], written[key], strict=True)
    assert rows.n_bytes == sum(written[key].nbytes for key in asked)

    kinds = [(written[key].shape, written[key].dtype) for key in asked]
    alike = [number for number, kind in enumerate(kinds) if kind == kinds[0]]
    together = np.stack([written[asked[number]] for number in alike])
    np.testing.assert_array_equal(rows.gather(alike), together, strict=True)
    with np.errstate(invalid="ignore"):
        converted = rows.gather(alike, np.empty(together.shape, np.float64))
        np.testing.assert_array_equal(converted, together)
    if alike != list(range(len(asked))):
        with pytest.raises(ValueError, match="several shapes or types"):
            rows.gather(range(len(asked)))


def test_many_small_rows_of_several_segments_come_in_the_order_asked_for(cache: RowCache):
    shelf = cache.shelf(RECIPE)
    numbers = np.arange(3_000, dtype=np.float32).reshape(-1, 3)
    for start in range(0, 1_000, 250):
        assert shelf.write(names(start, 250), numbers[start : start + 250])
    rows = shelf.rows(names(0, 1_000))
    order = np.random.default_rng(0).permutation(1_000)
    np.testing.assert_array_equal(rows.gather(order), numbers[order])


def test_rows_are_gathered_only_into_arrays_of_their_shape(cache: RowCache):
    shelf = cache.shelf(RECIPE)
    assert shelf.write(names(0), block(0))
    with pytest.raises(ValueError, match="out is"):
        shelf.rows(names(0)).gather([0], np.zeros((1, 3, 3), np.uint8))


def test_rows_cannot_be_changed(cache: RowCache):
    shelf = cache.shelf(RECIPE)
    shelf.write(["a"], block(0, 1))
    with pytest.raises(ValueError, match="read-only"):
        shelf.rows(["a"])[0][:] = 0


def test_another_recipe_finds_nothing(cache: RowCache):
    cache.shelf(RECIPE).write(["a"], block(0, 1))
    other = cache.shelf({**RECIPE, "size": 192})
    assert other.find(["a"]) == [False]
    with pytest.raises(CacheMiss):
        other.rows(["a"])


@pytest.mark.parametrize(
    "invalid",
    [
        (["a"], block(0, 2)),
        ([], block(0, 0)),
        (["a"], np.zeros((1, 2))),
        (["a", "b"], [block(0)[0], np.float32([1])]),
    ],
    ids=["another number", "none", "float64", "two types"],
)
def test_invalid_rows_are_refused(cache: RowCache, invalid: tuple[list[str], np.ndarray]):
    with pytest.raises(ValueError, match=r"key|type"):
        cache.shelf(RECIPE).write(*invalid)


def test_the_limit_holds_and_the_least_recently_used_files_go_first(cache: RowCache):
    one, two, three = (cache.shelf({"recipe": number}) for number in range(3))
    big = block(0, 3, 320)  # 300 KB
    long_ago = time.time() - 1_000
    for shelf, age in ((two, 0), (one, 500), (three, 200)):
        assert shelf.write(names(0, 3), big)
        for path in shelf._used:
            os.utime(path, (long_ago - age, long_ago - age))
    assert cache.bytes_kept() <= MB

    # Finding the rows counts as use and makes the first shelf the most recently used.
    assert cache.shelf({"recipe": 0}).find(names(0, 3)) == [True] * 3
    newest = cache.shelf({"recipe": 1})
    assert newest.write(names(3, 3), big)
    assert cache.bytes_kept() <= MB
    assert one.find(names(0, 3)) == [True] * 3
    assert three.find(names(0, 3)) == [False] * 3, "the oldest"
    assert two.find(names(0, 6)) == [True] * 6

    assert newest.write(names(6, 3), big)
    assert one.find(names(0, 3)) == [False] * 3, "the oldest again"
    assert newest.write(names(9, 3), big)
    assert newest.find(names(0, 12)) == [False] * 3 + [True] * 9, "its own file was not in use"
    assert not newest.has_room_for(len(big.tobytes()))
    assert not newest.write(names(12, 3), big), "its own new files stay"
    assert newest.find(names(3, 9)) == [True] * 9


def test_opening_with_a_lower_limit_keeps_the_files_used_last(cache: RowCache):
    shelves = fill_with(cache, 5)
    size = cache.bytes_kept() // 5
    again = RowCache(cache._folder, 3 * size, keep_free=0)
    assert again.bytes_kept() == 3 * size
    assert still_exist(shelves) == [False] * 2 + [True] * 3
    part = shelves[0]._folder / "one.part"
    with again._space.reserve(part, "{}", 1_000, ()):
        empty = RowCache(cache._folder, 0, keep_free=0)
        assert empty.bytes_kept() == 1_000, "only the file being written stays"
    assert {path.name for path in cache._folder.iterdir()} <= {"lock", shelves[0]._folder.name}


def test_opening_waits_neither_for_others_nor_for_a_slow_disk(
    cache: RowCache, monkeypatch: pytest.MonkeyPatch
):
    shelves = fill_with(cache, 2)
    with hold_lock(cache._folder / "lock"):
        RowCache(cache._folder, 0, keep_free=0)
    monkeypatch.setattr(space, "_PATIENCE", 0)
    RowCache(cache._folder, 0, keep_free=0)
    assert still_exist(shelves) == [True, True]


def test_a_shelf_deletes_its_own_old_rows_before_rows_others_use(cache: RowCache):
    mine = cache.shelf({"recipe": 1})
    other = cache.shelf({"recipe": 2})
    big = block(0, 3, 320)  # 300 KB
    assert mine.write(["old", "older", "oldest"], big)
    (path,) = mine._used
    os.utime(path, (0, 0))
    assert other.write(names(0, 3), big)
    assert cache.shelf({"recipe": 1}).write(names(0, 3), big)
    assert cache.shelf({"recipe": 1}).write(names(3, 3), big)
    assert other.find(names(0, 3)) == [True] * 3
    assert mine.find(["old", *names(0, 6)]) == [False] + [True] * 6


@pytest.fixture
def small_disk(cache: RowCache, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Disk of 600 KB on which deleted files take up space as long as they are mapped."""
    disk = SimpleNamespace(size=600_000, lost=0)

    def usage(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(free=disk.size - disk.lost - cache.bytes_kept())

    def delete(path: Path) -> None:
        disk.lost += path.stat().st_size if disk.gives_nothing or is_locked(path) else 0
        really(path)

    disk.gives_nothing = False
    really = space._delete
    monkeypatch.setattr(space, "_delete", delete)
    monkeypatch.setattr(space.shutil, "disk_usage", usage)
    return disk


def fill_with(cache: RowCache, n: int) -> list[Shelf]:
    """Fill shelves of 100 KB each, the oldest first."""
    shelves = [cache.shelf({"recipe": number}) for number in range(n)]
    for age, shelf in enumerate(shelves):
        assert shelf.write(names(0, 1), block(0, 1, 316))
        (path,) = shelf._used
        os.utime(path, (age, age))
    return shelves


def still_exist(shelves: list[Shelf]) -> list[bool]:
    # Looking at the files, unlike `find`, does not count as use.
    return [path.exists() for shelf in shelves for path in shelf._used]


def test_on_a_full_disk_only_files_that_nobody_reads_are_deleted(
    cache: RowCache, small_disk: SimpleNamespace
):
    shelves = fill_with(cache, 5)
    read = [shelf.rows(names(0, 1)) for shelf in shelves[:2]]
    for path in set.union(*(shelf._used for shelf in shelves[:2])):
        os.utime(path, (0, 0))  # the least recently used, but mapped
    assert not cache.shelf(RECIPE).has_room_for(450_000), "even without the three others"
    assert not cache.shelf(RECIPE).write(["a"], [np.zeros(450_000, np.uint8)])
    assert all(still_exist(shelves)), "none is deleted if deleting all would not suffice"

    assert cache.shelf(RECIPE).write(["a"], [np.zeros(250_000, np.uint8)])
    assert still_exist(shelves) == [True, True, False, False, True]
    del read
    is_written = cache.shelf(RECIPE).write(["b"], [np.zeros(250_000, np.uint8)])
    assert is_written, "nobody reads them any more"


def test_a_disk_on_which_deleting_frees_nothing_costs_one_file(
    cache: RowCache, small_disk: SimpleNamespace
):
    shelves = fill_with(cache, 5)
    small_disk.gives_nothing = True
    assert not cache.shelf(RECIPE).write(["a"], [np.zeros(250_000, np.uint8)])
    assert still_exist(shelves) == [False, True, True, True, True]


def test_rows_stay_readable_when_their_file_goes(cache: RowCache):
    shelf = cache.shelf(RECIPE)
    shelf.write(names(0), block(1))
    rows = shelf.rows(names(0))
    cache.clear()
    assert cache.bytes_kept() == 0
    assert shelf.find(names(0)) == [False] * 4
    np.testing.assert_array_equal(rows.gather(range(4)), block(1))


def test_nothing_is_written_into_disk_space_that_must_stay_free(tmp_path: Path):
    shelf = RowCache(tmp_path / "cache", 10**9, keep_free=10**18).shelf(RECIPE)
    assert not shelf.has_room_for(1)
    assert not shelf.write(["a"], block(0, 1))
    assert segments(tmp_path) == []


def flip_a_byte(path: Path, where: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(where * (len(content) - 1))] ^= 4
    path.write_bytes(content)


def cut_off(path: Path, where: float) -> None:
    os.truncate(path, int(where * (path.stat().st_size - 1)))


def zero_out(path: Path, where: float) -> None:
    size = path.stat().st_size
    cut_off(path, where)
    os.truncate(path, size)


@pytest.mark.parametrize("where", [0.0, 0.005, 0.5, 1.0])
@pytest.mark.parametrize("damage", [flip_a_byte, cut_off, zero_out])
def test_a_damaged_file_is_found_out_and_another_one_serves(
    tmp_path: Path, damage: Callable[[Path, float], None], where: float
):
    shelf = RowCache(tmp_path / "cache", MB, keep_free=0).shelf(RECIPE)
    assert shelf.write(names(0), block(1, side=32))
    (path,) = segments(tmp_path)
    damage(path, where)
    assert RowCache(tmp_path / "cache", MB).shelf(RECIPE).find(names(0)) == [False] * 4
    assert segments(tmp_path) == []

    assert shelf.write(names(0), block(1, side=32))
    assert shelf.write(names(2), block(2, side=32))
    (path,) = (path for path in segments(tmp_path) if "5" in Segment(path).keys)
    damage(path, where)
    again = RowCache(tmp_path / "cache", MB).shelf(RECIPE)
    assert again.find(names(0, 6)) == [True] * 4 + [False] * 2
    np.testing.assert_array_equal(again.rows(names(0)).gather(range(4)), block(1, side=32))


WRITE = """
shelf = RowCache(Path(sys.argv[1]), 200 * 2**20, keep_free=0).shelf({"by": "child"})
for seed in range(int(sys.argv[2]), int(sys.argv[3])):
    rows = np.full((8, 500_000), seed % 256, np.uint8)
    print(seed, flush=True)
    assert shelf.write([f"{seed} {n}" for n in range(8)], rows)
"""


def test_a_turn_is_one_holders_and_what_a_killed_one_left_is_swept(cache: RowCache):
    shelf = cache.shelf(RECIPE)
    with (
        shelf.turn("pass") as first,
        RowCache(cache.folder, MB).shelf(RECIPE).turn("pass") as other,
    ):
        assert (first, other) == (True, False)
        with shelf.turn("another pass") as is_ours:
            assert is_ours
    with shelf.turn("pass") as again:
        assert again
    left = shelf._folder / f"killed{space.TURN}"
    left.touch()
    shelf.write(names(0), block(0))
    assert not left.exists()
    left.touch()
    cache.clear()
    assert not shelf._folder.exists(), "nothing but a turn was left there"


def test_a_writer_that_is_killed_leaves_whole_rows_or_none(tmp_path: Path):
    rng = random.Random(0)
    for first in range(0, 600, 100):
        with in_child(WRITE, tmp_path / "cache", first, first + 100) as child:
            for _ in range(3):
                child.stdout.readline()
            time.sleep(rng.uniform(0, 0.01))
            child.send_signal(signal.SIGKILL)
            begun = [first + 2, *map(int, child.stdout.read().split())][-1]
        shelf = RowCache(tmp_path / "cache", 200 * MB, keep_free=0).shelf({"by": "child"})
        assert not list(tmp_path.glob("cache/*/*.part")), "swept"
        for seed in range(first, begun + 1):
            keys = [f"{seed} {n}" for n in range(8)]
            found = shelf.find(keys)
            assert all(found) or (seed == begun and not any(found))
            if all(found):
                assert (shelf.rows(keys).gather(range(8)) == seed % 256).all()


def test_a_living_writer_is_left_alone(tmp_path: Path):
    cache = RowCache(tmp_path / "cache", MB, keep_free=0)
    part = cache._folder / "shelf" / "one.part"
    with cache._space.reserve(part, "{}", 1_000, ()) as has_room:
        assert has_room
        again = RowCache(tmp_path / "cache", MB, keep_free=0)
        again.clear()
        assert part.exists()
        assert again.bytes_kept() == 1_000
        assert not again.shelf(RECIPE).has_room_for(MB - 999)
    assert not part.exists()


def test_opening_deletes_nothing_that_a_writer_is_about_to_lock(tmp_path: Path):
    cache = RowCache(tmp_path / "cache", MB, keep_free=0)
    part = cache._folder / "shelf" / "one.part"
    part.parent.mkdir()
    with hold_lock(cache._folder / "lock"):
        part.touch()
        RowCache(tmp_path / "cache", MB, keep_free=0)
        assert part.exists()
    RowCache(tmp_path / "cache", MB, keep_free=0)
    assert not part.exists(), "left behind"


def test_a_file_that_another_writer_holds_is_refused_and_not_deleted(cache: RowCache):
    part = cache._folder / "shelf" / "one.part"
    part.parent.mkdir()
    part.touch()
    with (
        try_lock(part.with_suffix(".writer")),
        pytest.raises(BlockingIOError),
        cache._space.reserve(part, "{}", 1_000, ()),
    ):
        pass
    assert part.exists()


def test_two_writers_of_the_same_rows_disturb_neither_each_other_nor_a_reader(tmp_path: Path):
    code = """
cache = RowCache(Path(sys.argv[1]), 2**18, keep_free=0)
for round in range(60):
    shelf = cache.shelf({"by": "children"})
    for start in (0, 4, 8):
        keys = [str(n) for n in range(start, start + 4)]
        if not all(shelf.find(keys)) or round % 7 == 0:
            numbers = np.arange(start, start + 4, dtype=np.float32)
            shelf.write(keys, np.repeat(numbers[:, None], 1_000, 1))
    if round % 20 == 0:
        cache.clear()
"""
    writers = [in_child(code, tmp_path / "cache") for _ in range(2)]
    shelf = RowCache(tmp_path / "cache", 2**18, keep_free=0).shelf({"by": "children"})
    read = 0
    while any(writer.poll() is None for writer in writers):
        try:
            rows = shelf.rows(names(0, 12))
        except CacheMiss:
            continue
        read += 1
        assert (rows.gather(range(12)) == np.arange(12, dtype=np.float32)[:, None]).all()
    for writer in writers:
        assert writer.wait() == 0, writer.stderr.read()
    assert read
    assert RowCache(tmp_path / "cache", 2**18).bytes_kept() <= 2**18


FILL = """
shelf = RowCache(Path(sys.argv[1]), 10**12, keep_free=-10**12).shelf({"by": "child"})
rows = np.zeros((4, 100_000), np.uint8)
kept = [shelf.write([f"{block} {n}" for n in range(4)], rows) for block in range(4)]
print(kept, not list(Path(sys.argv[1]).glob("*/*.part")))
"""


def test_a_full_disk_is_no_error_and_half_a_file_does_not_stay(tmp_path: Path):
    # A file system of one megabyte fills up, where one may be mounted.
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    script = f'mount -t tmpfs -o size=1m none "{tmp_path}" && exec "$@"'
    try:
        subprocess.run([*mount, script, "sh", "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here")
    code = IMPORTS + FILL
    command = [*mount, script, "sh", sys.executable, "-c", code, str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, True, False, False] True"


def test_files_that_may_not_be_so_large_are_no_error(tmp_path: Path):
    code = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n" + FILL
    with in_child(code, tmp_path / "cache") as child:
        assert child.stdout.read().strip() == "[False, False, False, False] True", (
            child.stderr.read()
        )
