"""An index with a base: like a dictionary of vectors, whatever the policy and whatever happens while the base is made."""

from __future__ import annotations

import errno
import random
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from index_model import index_model, keep_finding
from scanning_policy import policies
from soutu_services.search.aside_file import AsideFile
from soutu_services.search.index import (
    BadBase,
    Base,
    BuildStopped,
    HalfArray,
    IdArray,
    IndexPolicy,
    LayeredIndex,
    Method,
    as_halves,
)
from soutu_services.search.model import FloatArray

DIMENSION = 6
IDS = st.lists(st.integers(min_value=0, max_value=400), max_size=60, unique=True)


POLICIES = {"flat": IndexPolicy(), **policies(loose_vectors=3)}


def stored(vectors: FloatArray) -> FloatArray:
    """Return vectors as the catalog gives them."""
    halves = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    normal: FloatArray = halves / np.linalg.norm(halves, axis=1, keepdims=True)
    return normal


def unit_vectors(seed: int, count: int, dimension: int = DIMENSION) -> FloatArray:
    return stored(np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32))


def rebuilt(index: LayeredIndex, folder: Path) -> LayeredIndex:
    index.finish_rebuild(index.begin_rebuild(), folder / f"{len(list(folder.iterdir()))}.base")
    return index


class LayeredMachine(index_model(IDS, unit_vectors)):
    """Does the same to an index and to a dictionary, and to the index also what makes its base anew."""

    policy = POLICIES["flat"]

    def __init__(self) -> None:
        super().__init__()
        self._temporary = tempfile.TemporaryDirectory(prefix="soutu-index-")
        self.folder = Path(self._temporary.name)
        self.index = LayeredIndex("s", DIMENSION, self.policy)
        self.model: dict[int, FloatArray] = {}

    def teardown(self) -> None:
        del self.index
        self._temporary.cleanup()

    @rule(added=IDS, removed=IDS, again=IDS, seed=st.integers(0, 1000))
    def make_anew_while_it_changes(self, added: list[int], removed: list[int], again: list[int], seed: int) -> None:
        before = self.index.begin_rebuild()
        self.add(added, seed)
        self.remove(removed)
        self.add(again, seed + 1)
        self.index.finish_rebuild(before, self._file())

    @rule()
    def make_anew(self) -> None:
        rebuilt(self.index, self.folder)
        assert self.index.kind == self.policy.method(len(self.model), DIMENSION)

    @rule(added=IDS, seed=st.integers(0, 1000))
    def fail_to_make_anew(self, added: list[int], seed: int) -> None:
        before = self.index.begin_rebuild()
        self.add(added, seed)
        if self.policy.method(len(before.ids), DIMENSION) is not Method.FLAT:
            with pytest.raises(BuildStopped):
                self.index.finish_rebuild(before, self._file(), is_stopped=lambda: True)
            assert not list(self.folder.glob("*.part"))

    @rule()
    def start_again(self) -> None:
        """What was not in the base is added again, as at a start."""
        held = self.index.vectors(self.index.loose_ids())
        path = self.index.base_file
        base = Base.open(path, "s", DIMENSION, self.policy) if path is not None else None
        self.index = LayeredIndex("s", DIMENSION, self.policy, base)
        self.index.add(*held)
        self.index.remove(np.setdiff1d(self.index.ids(), np.array(sorted(self.model), dtype=np.int64)))

    @invariant()
    def holds_what_was_added(self) -> None:
        assert len(self.index) == len(self.model)
        assert self.index.ids().tolist() == sorted(self.model)
        wanted = sorted(self.model, key=lambda one: one * 7 % 401)
        ids, vectors = self.index.vectors(np.array([*wanted, 123456], dtype=np.int64))
        assert ids.tolist() == wanted
        for one, vector in zip(ids.tolist(), vectors, strict=True):
            np.testing.assert_allclose(vector, self.model[one], atol=2e-7)

    def _file(self) -> Path:
        return self.folder / f"{len(list(self.folder.iterdir()))}.base"


@pytest.mark.parametrize("name", POLICIES)
def test_does_what_a_dictionary_does(name: str) -> None:
    machine = type("Machine", (LayeredMachine,), {"policy": POLICIES[name]})
    case = machine.TestCase
    case.settings = settings(
        max_examples=25,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    case().runTest()


@pytest.fixture(scope="module")
def world() -> tuple[FloatArray, FloatArray]:
    """Make clustered vectors, and queries that lie off all of them."""
    chance = np.random.default_rng(9)
    spread = (np.arange(64) + 2.0) ** -0.4
    centres = chance.standard_normal((60, 64))
    vectors = (centres[chance.integers(0, 60, 24_000)] + chance.standard_normal((24_000, 64))) * spread + 0.1
    queries = (0.6 * centres[chance.integers(0, 60, 60)] + chance.standard_normal((60, 64))) * spread - 0.1
    return stored(vectors.astype(np.float32)), stored(queries.astype(np.float32))


def small_policy(method: Method) -> IndexPolicy:
    return IndexPolicy(exact_vectors=1000, loose_vectors=500, scanned_vectors=10**9 if method is Method.FAST_SCAN else 1000)


@pytest.mark.parametrize("method", [Method.FAST_SCAN, Method.LISTS])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01, 0.001])
def test_finds_nearly_all_that_is_nearest_whatever_is_allowed(
    world: tuple[FloatArray, FloatArray], tmp_path: Path, method: Method, share: float
) -> None:
    vectors, queries = world
    index = LayeredIndex("s", 64, small_policy(method))
    index.add(np.arange(len(vectors)) * 2, vectors)
    rebuilt(index, tmp_path)
    assert (index.kind, len(index.loose_ids())) == (method.value, 0)
    removed = np.arange(0, len(vectors), 50)
    index.remove(removed * 2)
    allowed = np.random.default_rng(3).choice(len(vectors), int(len(vectors) * share), replace=False)
    found = 0
    wanted = 0
    for query in queries:
        cosines = vectors @ query
        cosines[removed] = -2
        if share < 1:
            cosines[np.setdiff1d(np.arange(len(vectors)), allowed)] = -2
        best = [one * 2 for one in np.argsort(-cosines)[:10].tolist() if cosines[one] > -2]
        ids, _ = index.search(query, 10, None if share == 1 else allowed * 2)
        assert len(ids) == len(best), "never fewer than there are"
        found, wanted = found + len(set(ids.tolist()) & set(best)), wanted + len(best)
    assert found >= 0.98 * wanted


@pytest.mark.parametrize("method", [Method.FAST_SCAN, Method.LISTS])
def test_finds_those_that_are_allowed_even_if_they_are_the_farthest(
    world: tuple[FloatArray, FloatArray], tmp_path: Path, method: Method
) -> None:
    vectors, queries = world
    index = LayeredIndex("s", 64, small_policy(method))
    index.add(np.arange(len(vectors)), vectors)
    rebuilt(index, tmp_path)
    for query in queries[:5]:
        cosines = vectors @ query
        farthest = np.argsort(cosines)[: len(vectors) // 3]
        best = farthest[np.argsort(-cosines[farthest])[:2000]]
        ids, _ = index.search(query, 2000, farthest)
        assert len(ids) == 2000
        assert len(set(ids[:10].tolist()) & set(best[:10].tolist())) >= 9
        assert len(index.search(query, len(vectors))[0]) == len(vectors)


def test_queries_and_changes_go_on_while_the_base_is_made_anew(world: tuple[FloatArray, FloatArray], tmp_path: Path) -> None:
    vectors, _ = world
    index = LayeredIndex("s", 64, small_policy(Method.FAST_SCAN))
    index.add(np.arange(5000), vectors[:5000])
    problems: list[BaseException] = []
    stop = threading.Event()

    def make_anew() -> None:
        try:
            for number in range(3):
                index.finish_rebuild(index.begin_rebuild(), tmp_path / f"{number}.base")
        except BaseException as problem:  # noqa: BLE001 - told to the test's own thread
            problems.append(problem)

    searchers = [threading.Thread(target=keep_finding, args=(index, 7, vectors[7], stop, problems)) for _ in range(2)]
    threads = [*searchers, threading.Thread(target=make_anew)]
    for thread in threads:
        thread.start()
    round_number = 0
    while threads[2].is_alive() or round_number < 50:
        block = 5000 + np.arange(round_number * 10, round_number * 10 + 10) % 10_000
        index.add(block, vectors[block])
        index.remove(np.arange(1000 + round_number % 1000, 1000 + round_number % 1000 + 1))
        round_number += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    expected = {*range(5000), *(5000 + one % 10_000 for one in range(10 * round_number))}
    expected -= {1000 + one for one in range(min(round_number, 1000))}
    assert index.ids().tolist() == sorted(expected)
    assert index.kind == "fast-scan"


@pytest.mark.parametrize("dimension", [4, 6, 64, 512])
def test_float16_from_the_catalog_is_kept_to_the_bit(dimension: int) -> None:
    vectors = unit_vectors(5, 4000, dimension)
    halves, lengths = as_halves(vectors)
    np.testing.assert_allclose(halves.astype(np.float32) / lengths[:, np.newaxis], vectors, atol=2e-7)


@pytest.mark.parametrize("method", [Method.FAST_SCAN, Method.LISTS])
@pytest.mark.parametrize("harm", ["cut", "hole", "flip", "grown", "empty", "foreign", "newer", "gone"])
def test_harmed_base_is_refused(tmp_path: Path, method: Method, harm: str) -> None:
    policy = IndexPolicy(exact_vectors=0, loose_vectors=20, scanned_vectors=10**9 if method is Method.FAST_SCAN else 0)
    index = LayeredIndex("s", 8, policy)
    index.add(np.arange(100), unit_vectors(2, 100, 8))
    path = tmp_path / "0.base"
    rebuilt(index, tmp_path)
    whole = path.read_bytes()
    assert len(Base.open(path, "s", 8, policy)) == 100
    chance = random.Random(3)
    cases = {
        "cut": [whole[: chance.randrange(len(whole))] for _ in range(30)],
        "hole": [whole[:at] + bytes(64) + whole[at + 64 :] for at in range(4096, len(whole) - 64, 300)],
        "flip": [whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :] for at in chance.sample(range(len(whole)), 60)],
        "grown": [whole + b"\0", whole + whole],
        "empty": [b"", b"{}\n", b"[1]\n" + bytes(5000)],
        "foreign": [whole.replace(b'"space_id": "s"', b'"space_id": "t"')],
        "newer": [whole.replace(b'"version": 1', b'"version": 2')],
        "gone": [None],
    }[harm]
    for case in cases:
        path.unlink(missing_ok=True)
        if case is not None:
            path.write_bytes(case)
        with pytest.raises(BadBase):
            Base.open(path, "s", 8, policy)


def test_base_makes_way_when_few_are_left(tmp_path: Path) -> None:
    policy = IndexPolicy(exact_vectors=100, loose_vectors=20)
    index = LayeredIndex("s", 8, policy)
    index.add(np.arange(200), unit_vectors(2, 200, 8))
    assert index.is_due
    rebuilt(index, tmp_path)
    assert (index.kind, index.is_due) == ("fast-scan", False)
    with pytest.raises(ValueError, match="values"):
        index.search(np.ones(9, dtype=np.float32), 1)
    index.remove(np.arange(150))
    assert index.is_due
    rebuilt(index, tmp_path)
    assert (index.kind, index.base_file, len(index), index.is_due) == ("flat", None, 50, False)


@pytest.mark.parametrize("method", [Method.FAST_SCAN, Method.LISTS])
def test_a_disk_that_is_full_when_the_codes_are_written_is_said(
    tmp_path: Path, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = IndexPolicy(exact_vectors=0, loose_vectors=20, scanned_vectors=10**9 if method is Method.FAST_SCAN else 0)
    index = LayeredIndex("s", 8, policy)
    index.add(np.arange(100), unit_vectors(2, 100, 8))
    write, written = AsideFile.write, [0]

    def write_until_full(self: AsideFile, data: bytes | memoryview) -> None:
        written[0] += len(data)
        if written[0] == 4096 + 100 * (16 + 4 + 8) + len(data):  # only for a moment: what comes after is written
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, data)

    monkeypatch.setattr(AsideFile, "write", write_until_full)
    with pytest.raises(OSError, match="No space"):
        rebuilt(index, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(index) == 100


def test_codes_are_learned_from_vectors_that_are_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = IndexPolicy(exact_vectors=0, loose_vectors=20, scanned_vectors=0)
    index = LayeredIndex("s", 8, policy)
    index.add(np.arange(30_000), unit_vectors(2, 30_000, 8))
    rebuild = index.begin_rebuild()
    read, most = rebuild.read, [0]

    def watched(ids: IdArray) -> tuple[IdArray, HalfArray, FloatArray]:
        most[0] = max(most[0], len(ids))
        return read(ids)

    monkeypatch.setattr(rebuild, "read", watched)
    index.finish_rebuild(rebuild, tmp_path / "0.base")
    assert (index.kind, most[0]) == (Method.LISTS.value, 4096)
