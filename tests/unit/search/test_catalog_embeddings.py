from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soutu_services.runtime.access import FolderAccess
from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.search.catalog import AnnotationChange
from soutu_services.search.model import Filter, PhotoState, UnreadableReason
from soutu_services.search.visibility import EVERYTHING, Visibility

SPACE = "5" * 32
OTHER = "6" * 32


def test_vectors_come_back_normalised_and_close_to_what_went_in(library: Any) -> None:
    ids = [library.add(f"{number}.jpg", str(number)) for number in range(20)]
    batches = list(library.catalog.embeddings.iterate(SPACE, batch_size=7))
    assert [len(batch.ids) for batch in batches] == [7, 7, 6]
    photo_ids = [photo_id for batch in batches for photo_id in batch.photo_ids]
    vectors = np.concatenate([batch.vectors for batch in batches])
    assert photo_ids == ids
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    wanted = np.array([library.vector(str(number)) for number in range(20)])
    assert (np.sum(vectors * wanted, axis=1) > 1 - 1e-6).all()
    one = library.catalog.embeddings.vectors(SPACE, [ids[3], "0" * 32])
    np.testing.assert_array_equal(one[ids[3]], vectors[3])
    assert list(one) == [ids[3]]


def test_those_of_shown_photos_are_iterated_by_photo_id(library: Any) -> None:
    ids = [library.add(f"{number}.jpg", str(number)) for number in range(9)]
    library.catalog.photos.delete([ids[0]])
    library.catalog.objects.mark_gone("photos", ["1.jpg"])
    batches = library.catalog.embeddings.iterate(SPACE, batch_size=2, shown_only=True)
    assert [photo_id for batch in batches for photo_id in batch.photo_ids] == sorted(ids[2:])
    assert len(library.catalog.embeddings.ids_matching(SPACE, Filter(), EVERYTHING)) == 7
    everything = next(library.catalog.embeddings.iterate(SPACE)).ids
    assert len(library.catalog.embeddings.photos_of(everything)) == 7


def test_what_passes_a_filter_is_looked_for_once_until_anything_changes(library: Any) -> None:
    a, b = (library.add(f"{name}.jpg", vector=np.eye(8, dtype=np.float32)[at]) for at, name in enumerate("ab"))
    embeddings, tagged = library.catalog.embeddings, Filter(tags=("海",))
    library.catalog.annotations.annotate([a], AnnotationChange(add_tags=("海",)))
    found = embeddings.ids_matching(SPACE, tagged, EVERYTHING)
    assert embeddings.ids_matching(SPACE, tagged, EVERYTHING) is found
    assert not found.flags.writeable
    guest = Visibility((FolderAccess("photos", "别处"),))
    assert (len(found), len(embeddings.ids_matching(SPACE, tagged, guest))) == (1, 0)
    assert set(embeddings.photos_of(found).values()) == {a}
    library.catalog.annotations.annotate([b], AnnotationChange(add_tags=("海",)))
    assert len(embeddings.ids_matching(SPACE, tagged, EVERYTHING)) == 2
    library.catalog.photos.delete([a])
    assert set(embeddings.photos_of(embeddings.ids_matching(SPACE, tagged, EVERYTHING)).values()) == {b}


def test_the_first_space_serves_and_its_dimension_is_binding(library: Any) -> None:
    embeddings = library.catalog.embeddings
    assert embeddings.serving_space().space_id == SPACE
    assert embeddings.register_space(SPACE, model="lite 2", variant="int8", dimension=8).variant == "int8"
    with pytest.raises(FailedPrecondition):
        embeddings.register_space(SPACE, model="lite", variant="onnx", dimension=9)
    assert embeddings.spaces()[0].variant == "int8"
    assert not embeddings.register_space(OTHER, model="clip", variant="torch", dimension=4).serving


def test_vectors_of_another_length_or_space_or_without_sense_are_refused(library: Any) -> None:
    photo_id = library.add("a.jpg", "a", embedded=False)
    put = library.catalog.embeddings.put
    for space, vector in ((SPACE, np.ones(9)), (OTHER, np.ones(8))):
        with pytest.raises(FailedPrecondition):
            put(space, [photo_id], np.array([vector], dtype=np.float32))
    for broken in (np.zeros(8), np.full(8, np.nan), np.full(8, np.inf)):
        with pytest.raises(ValueError, match="embedding"):
            put(SPACE, [photo_id], np.array([broken], dtype=np.float32))
    other_id = library.add("b.jpg", "b", embedded=False)
    with pytest.raises(ValueError, match="embedding"):
        put(SPACE, [photo_id, other_id], np.array([np.ones(8), np.zeros(8)], dtype=np.float32))
    assert library.catalog.embeddings.ids_of(SPACE, [photo_id, other_id]) == {}, "the transaction left nothing behind"


def test_pending_photos_are_embedded_later(library: Any) -> None:
    waiting = [library.add(f"{number}.jpg", str(number), embedded=False) for number in range(3)]
    library.add("broken.jpg", "broken", unreadable=UnreadableReason.BROKEN)
    hidden = library.add("hidden.jpg", "hidden", embedded=False)
    library.catalog.photos.delete([hidden])
    embeddings = library.catalog.embeddings
    first = embeddings.pending(SPACE, 2)
    assert [photo_id for _, photo_id in first] == waiting[:2]
    assert [photo_id for _, photo_id in embeddings.pending(SPACE, 2, after_id=first[-1][0])] == waiting[2:]
    assert library.catalog.photos.any_pending(Filter(), EVERYTHING)
    assert library.catalog.counts().pending_since is not None

    vectors = np.array([library.vector(str(number)) for number in range(3)])
    stored = embeddings.put(SPACE, [*waiting, "0" * 32], np.concatenate([vectors, vectors[:1]]))
    assert (len(stored.ids), stored.replaced.tolist(), stored.unknown) == (3, [], ("0" * 32,))
    assert {photo.state for photo in library.catalog.photos.get_many(waiting, EVERYTHING)} == {PhotoState.READY}
    assert embeddings.pending(SPACE, 2) == []
    assert library.catalog.counts().pending_since is None


def test_storing_the_same_again_keeps_the_id_and_another_vector_gets_a_new_one(library: Any) -> None:
    photo_id = library.add("a.jpg", "a")
    embeddings = library.catalog.embeddings
    (old,) = embeddings.ids_of(SPACE, [photo_id])
    again = embeddings.put(SPACE, [photo_id], embeddings.vectors(SPACE, [photo_id])[photo_id][None])
    assert (again.ids.tolist(), again.replaced.tolist()) == ([old], [])
    other = embeddings.put(SPACE, [photo_id], library.vector("other")[None])
    assert other.replaced.tolist() == [old]
    assert other.ids[0] > old
    library.catalog.photos.delete([photo_id])
    library.catalog.photos.purge()
    library.reopen()
    assert min(library.catalog.embeddings.ids_of(SPACE, [library.add("b.jpg", "b")])) > other.ids[0], "never given twice"


def test_photos_are_ready_by_the_space_that_serves(library: Any) -> None:
    both, one = library.add("both.jpg", "both"), library.add("one.jpg", "one")
    embeddings = library.catalog.embeddings
    embeddings.register_space(OTHER, model="clip", variant="torch", dimension=4)
    embeddings.put(OTHER, [both], np.ones((1, 4), dtype=np.float32))
    assert [photo_id for _, photo_id in embeddings.pending(OTHER, 9)] == [one]

    embeddings.set_serving_space(OTHER)
    states = {photo.photo_id: photo.state for photo in library.catalog.photos.list_page(Filter(), EVERYTHING).photos}
    assert states == {both: PhotoState.READY, one: PhotoState.PENDING}
    library.reopen().embeddings.set_serving_space(SPACE)
    assert library.catalog.counts().ready == 2
    assert [(space.space_id, space.serving, space.photos) for space in library.catalog.embeddings.spaces()] == [
        (SPACE, True, 2),
        (OTHER, False, 1),
    ]
    with pytest.raises(FailedPrecondition):
        library.catalog.embeddings.set_serving_space("7" * 32)


def test_a_photo_that_the_model_refuses_is_unreadable_and_does_not_wait(library: Any) -> None:
    photo_id = library.add("a.jpg", "a", embedded=False)
    library.catalog.fillings.refuse(SPACE, [photo_id])
    photo = library.catalog.photos.get(photo_id, EVERYTHING)
    assert (photo.state, photo.unreadable, photo.width) == (PhotoState.UNREADABLE, UnreadableReason.MODEL_FAILED, 640)
    assert library.catalog.embeddings.pending(SPACE, 9) == []
    assert library.catalog.counts().unreadable_by_reason == {UnreadableReason.MODEL_FAILED: 1}


def test_looking_for_what_waits_costs_nothing_for_photos_that_do_not(library: Any) -> None:
    for number in range(300):
        library.add(f"{number}.jpg", str(number))
    waiting = library.add("waiting.jpg", "waiting", embedded=False)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with library.catalog._database.read() as reader:
        reader.set_progress_handler(count, 10)
        assert [photo_id for _, photo_id in library.catalog.embeddings.pending(SPACE, 9)] == [waiting]
        reader.set_progress_handler(None, 0)
    assert steps < 30
