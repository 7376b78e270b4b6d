"""The index in step with the catalog, whatever fails between the two."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from patience import PATIENCE, eventually
from scanning_policy import policies
from soutu_services.search.index import BadBase, BuildStopped, FlatIndex, LayeredIndex
from soutu_services.search.index_rebuilder import IndexRebuilder
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.model import PhotoState
from soutu_services.search.visibility import EVERYTHING

SPACE = "5" * 32


@pytest.fixture
def index(library: Any, tmp_path: Any) -> LibraryIndex:
    made = LibraryIndex(library.catalog, snapshot=tmp_path / "index.snapshot", on_made=lambda _: None)
    made.load()
    return made


def state_of(library: Any, photo_id: str) -> PhotoState:
    state: PhotoState = library.catalog.photos.get(photo_id, EVERYTHING).state
    return state


def test_a_photo_is_in_the_index_before_anyone_sees_that_it_is_ready(
    library: Any, index: LibraryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo_id = library.add("a.jpg", "a", embedded=False)
    seen: list[PhotoState] = []
    add = FlatIndex.add

    def add_and_look(self: FlatIndex, *arguments: Any) -> None:
        add(self, *arguments)
        seen.append(state_of(library, photo_id))  # as another reader: what is committed

    monkeypatch.setattr(FlatIndex, "add", add_and_look)
    index.put(SPACE, [photo_id], library.vector("a")[np.newaxis])
    assert seen == [PhotoState.PENDING]
    assert state_of(library, photo_id) is PhotoState.READY
    assert index.summary[1] == 1


def test_what_the_catalog_does_not_keep_is_not_in_the_index(
    library: Any, index: LibraryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo_id = library.add("a.jpg", "a", embedded=False)
    add = FlatIndex.add

    def add_and_fail(self: FlatIndex, *arguments: Any) -> None:
        monkeypatch.undo()
        add(self, *arguments)
        raise MemoryError

    monkeypatch.setattr(FlatIndex, "add", add_and_fail)
    with pytest.raises(MemoryError):
        index.put(SPACE, [photo_id], library.vector("a")[np.newaxis])
    assert state_of(library, photo_id) is PhotoState.PENDING
    assert index.summary[1] == 0
    index.put(SPACE, [photo_id], library.vector("a")[np.newaxis])
    assert index.summary[1] == 1
    assert len(index.differences()) == 0


def test_another_embedding_takes_the_place_of_the_one_before(library: Any, index: LibraryIndex) -> None:
    photo_id = library.add("a.jpg", "a", embedded=False)
    for content in ("a", "b"):
        index.put(SPACE, [photo_id], library.vector(content)[np.newaxis])
    assert index.summary[1] == 1
    assert len(index.differences()) == 0


def large(library: Any, tmp_path: Path, kind: str = "fast-scan") -> LibraryIndex:
    """Make an index that takes four photos for many."""
    made = LibraryIndex(
        library.catalog, snapshot=tmp_path / "index.snapshot", on_made=lambda _: None, policy=policies(loose_vectors=3)[kind]
    )
    made.load()
    return made


def bases(tmp_path: Path) -> list[str]:
    return [path.name for path in tmp_path.glob("index-*.base*")]


@pytest.mark.parametrize("kind", ["fast-scan", "ivf-fast-scan"])
def test_a_large_library_is_read_into_a_base_and_opened_from_it_again(
    library: Any, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "abcdef":
        library.add(f"{name}.jpg", name)
    index = large(library, tmp_path, kind)
    assert index.summary == (kind, 6)
    assert (len(index.differences()), index.unsaved, len(bases(tmp_path))) == (0, 6, 1)
    index.save()
    library.add("g.jpg", "g")
    with caplog.at_level("INFO"):
        again = large(library, tmp_path, kind)
    assert "6 of them from its snapshot" in caplog.text
    assert again.summary == (kind, 7)
    assert (len(again.differences()), again.unsaved, again.is_due) == (0, 1, False)


@pytest.mark.parametrize("harm", ["gone", "cut", "another's"])
def test_a_snapshot_without_its_base_is_passed_over(library: Any, tmp_path: Path, harm: str) -> None:
    for name in "abcdef":
        library.add(f"{name}.jpg", name)
    large(library, tmp_path).save()
    (path,) = tmp_path.glob("*.base")
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] if harm == "cut" else b"x" * 5000)
    again = large(library, tmp_path)
    assert (again.summary, again.unsaved, len(again.differences())) == (("fast-scan", 6), 6, 0)
    assert path.name not in bases(tmp_path)
    assert len(bases(tmp_path)) == 1


def test_the_base_is_made_anew_in_the_background_and_the_file_before_is_deleted(library: Any, tmp_path: Path) -> None:
    for name in "abcd":
        library.add(f"{name}.jpg", name)
    index = large(library, tmp_path)
    index.save()
    before = bases(tmp_path)
    rebuilder = IndexRebuilder(index, interval_seconds=0.01)
    rebuilder.start()
    try:
        for name in "efghi":
            photo_id = library.add(f"{name}.jpg", name, embedded=False)
            index.put(SPACE, [photo_id], library.vector(name)[np.newaxis])
        assert eventually(lambda: bases(tmp_path) != before and len(bases(tmp_path)) == 1 and not index.is_due)
    finally:
        rebuilder.stop(10)
    assert index.summary == ("fast-scan", 9)
    assert len(index.differences()) == 0
    assert len(large(library, tmp_path).differences()) == 0


def test_a_base_that_cannot_be_written_costs_time_alone(
    library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "abcd":
        library.add(f"{name}.jpg", name)
    with monkeypatch.context() as full:
        full.setattr("os.fsync", no_space)
        index = large(library, tmp_path)
        assert index.summary == ("flat", 4)
        rebuilder = IndexRebuilder(index, interval_seconds=0.01)
        rebuilder.start()
        assert eventually(lambda: "cannot be made anew" in caplog.text)
        rebuilder.stop(10)
    assert (bases(tmp_path), len(index.differences())) == ([], 0)
    index.rebuild()
    assert index.summary == ("fast-scan", 4)


def test_a_base_is_not_begun_without_room_for_it(
    library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "abcd":
        library.add(f"{name}.jpg", name)
    with monkeypatch.context() as nearly_full:
        nearly_full.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=60 << 20))
        nearly_full.setattr("soutu_services.search.index.building.write_base", lambda *_: pytest.fail("it is begun"))
        index = large(library, tmp_path)
        assert index.summary == ("flat", 4)
        assert "cannot be written, so all vectors are kept in memory" in caplog.text
        with pytest.raises(OSError, match="needs 64 MiB"):
            index.rebuild()
    index.rebuild()
    assert (index.summary, len(index.differences())) == (("fast-scan", 4), 0)


def test_a_base_that_cannot_be_mapped_is_passed_over_and_leaves_no_file(
    library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcd":
        library.add(f"{name}.jpg", name)
    large(library, tmp_path).save()

    def no_map(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(np, "memmap", no_map)
    index = large(library, tmp_path)
    assert (index.summary, len(index.differences())) == (("flat", 4), 0)
    for _ in range(2):
        with pytest.raises(BadBase, match="No such device"):
            index.rebuild()
    assert bases(tmp_path) == []


def test_what_a_crash_left_of_a_base_is_deleted(library: Any, tmp_path: Path) -> None:
    for name in "abcd":
        library.add(f"{name}.jpg", name)
    left, foreign = tmp_path / f"index-{'0' * 32}.base.part", tmp_path / "index-of-mine.base.part"
    left.touch()
    foreign.touch()
    large(library, tmp_path)
    assert (left.exists(), foreign.exists(), len(bases(tmp_path))) == (False, True, 2)


def test_what_is_no_vector_after_damage_is_not_in_the_base(library: Any, tmp_path: Path) -> None:
    for name in "abcdef":
        library.add(f"{name}.jpg", name)
    ids = library.catalog.embeddings.all_ids(SPACE)
    by_ids = library.catalog.embeddings.by_ids
    for damaged in (ids[1:3], ids):
        library.catalog.embeddings.by_ids = lambda space, some, damaged=damaged: by_ids(space, np.setdiff1d(some, damaged))
        assert large(library, tmp_path).summary[1] == len(ids) - len(damaged)
    library.catalog.embeddings.by_ids = by_ids
    assert large(library, tmp_path).summary == ("fast-scan", 6)


def test_what_the_catalog_takes_back_while_the_base_is_made_is_not_in_it(
    library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcdfghi":
        library.add(f"{name}.jpg", name)
    index = large(library, tmp_path)
    photo_id = library.add("e.jpg", "e", embedded=False)
    is_in, go_on = threading.Event(), threading.Event()
    add = LayeredIndex.add

    def add_and_fail(self: LayeredIndex, *arguments: Any) -> None:
        add(self, *arguments)
        is_in.set()
        go_on.wait(30)
        raise MemoryError

    def put_and_fail() -> None:
        with pytest.raises(MemoryError):
            index.put(SPACE, [photo_id], library.vector("e")[np.newaxis])

    assert index.current is not None
    index.current.remove(library.catalog.embeddings.all_ids(SPACE)[:2])  # so that it is due
    monkeypatch.setattr(LayeredIndex, "add", add_and_fail)
    threads = [threading.Thread(target=put_and_fail), threading.Thread(target=index.rebuild)]
    threads[0].start()
    assert is_in.wait(30)
    threads[1].start()
    threads[1].join(0.5)
    monkeypatch.undo()
    go_on.set()
    for thread in threads:
        thread.join()
    assert index.summary[0] == "fast-scan"
    index.save()
    library.catalog.embeddings.put(SPACE, [photo_id], library.vector("z")[np.newaxis])  # its id is given again
    assert len(large(library, tmp_path).differences()) == 0


def no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


NEW = "6" * 32


def filled(library: Any, tmp_path: Path) -> LibraryIndex:
    """Make an index of photos that another space has as well, and takes for many."""
    library.catalog.embeddings.register_space(NEW, model="new", variant="test", dimension=len(library.vector("a")))
    index = large(library, tmp_path)
    for name in "abcdef":
        photo_id = library.add(f"{name}.jpg", name)
        index.put(NEW, [photo_id], library.vector(name)[np.newaxis])
    return index


def serve(library: Any) -> None:
    library.catalog.embeddings.set_serving_space(NEW)


def test_photos_come_and_go_while_the_index_of_another_model_is_made(
    library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = filled(library, tmp_path)
    gone = library.add("gone.jpg", "gone")
    removed = index.put(NEW, [gone], library.vector("gone")[np.newaxis]).ids
    library.catalog.photos.delete([gone])
    late = library.add("late.jpg", "late", embedded=False)
    made = index._bases.made
    written: list[int] = []

    def made_meanwhile(space_id: str, *arguments: Any, **options: Any) -> Any:
        base = made(space_id, *arguments, **options)

        def write() -> None:
            index.remove(library.catalog.photos.purge([gone]).embedding_ids)
            written.extend(index.put(NEW, [late], library.vector("late")[np.newaxis]).ids)

        writer = threading.Thread(target=write)
        writer.start()
        writer.join(PATIENCE)
        assert not writer.is_alive(), "whoever writes waits for the whole build"
        return base

    monkeypatch.setattr(index._bases, "made", made_meanwhile)
    index.switch(NEW, lambda: serve(library))
    assert index.summary[0] == "fast-scan"
    assert len(index.differences()) == 0
    current = index.current
    assert current is not None
    assert written[0] in current.ids()
    assert removed[0] not in current.ids()


def test_making_the_index_of_another_model_stops_when_it_is_told_to(library: Any, tmp_path: Path) -> None:
    index = filled(library, tmp_path)
    with pytest.raises(BuildStopped):
        index.switch(NEW, lambda: serve(library), is_stopped=lambda: True)
    serving = library.catalog.embeddings.serving_space()
    assert serving.space_id == SPACE
    assert bases(tmp_path) == []
    index.switch(NEW, lambda: serve(library))
    assert len(index.differences()) == 0


def test_an_index_that_is_dropped_before_it_serves_is_made_again(
    library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = filled(library, tmp_path)
    prepare = index.prepare

    def prepare_in_vain(space_id: str, **options: Any) -> None:
        monkeypatch.undo()
        prepare(space_id, **options)
        index.discard()

    monkeypatch.setattr(index, "prepare", prepare_in_vain)
    index.switch(NEW, lambda: serve(library))
    assert len(index.differences()) == 0
