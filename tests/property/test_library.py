"""The real catalog and the real index against the model, through sequences of events that nobody thought of."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from library_model import (
    CONTENTS,
    DIMENSION,
    DISK,
    KEYS,
    SOURCES,
    SPACES,
    TAGS,
    UPLOADS,
    WORDS,
    Guest,
    LibraryModel,
    Place,
    Wanted,
    etag,
    photo_id,
    sha256,
    vector,
)
from scanning_policy import policies
from soutu_services.runtime.access import FolderAccess
from soutu_services.runtime.errors import NotFound
from soutu_services.search.catalog import AnnotationChange, Catalog, Ingested, SeenObject
from soutu_services.search.index import IndexPolicy, Method, VectorIndex
from soutu_services.search.library_index import LibraryIndex
from soutu_services.search.model import Filter, FloatArray, PhotoKind, UnreadableReason
from soutu_services.search.query import Query, QueryEngine, Term
from soutu_services.search.visibility import EVERYTHING, Visibility

MODIFIED = datetime(2024, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
NOBODYS = "nobody's"
"""What queries look like, which no photo is."""
GUESTS = (Guest("", "奶奶"), Guest(DISK, ""), Guest(UPLOADS, "旅行"))
FILTERS = (Wanted(), Wanted(folder="奶奶"), Wanted(source=DISK), Wanted(tag=TAGS[0]), Wanted(favourite=True, folder="旅行"))
READING = SimpleNamespace(
    media_type="image/jpeg",
    width=4,
    height=3,
    kind=PhotoKind.STILL,
    taken=None,
    camera="",
    location=None,
    phash=0,
    duration_ms=None,
    codec="",
    frames=(),
    poster_ms=0,
)

contents = st.sampled_from(CONTENTS)
how_far = st.sampled_from(["embedded", "read", "listed", "unseen"])
keys = st.sampled_from(KEYS)
sources = st.sampled_from(SOURCES)
places = st.tuples(sources, keys)


class FixedEmbedder:
    """Embeds every picture into the same place."""

    def embed_text(self, text: str, *, space_id: str) -> FloatArray:
        raise AssertionError("no text is embedded here")

    def embed_image(self, image: bytes, *, space_id: str) -> FloatArray:
        return np.array(vector(NOBODYS, space_id), dtype=np.float32)


def visibility(guest: Guest | None) -> Visibility:
    return EVERYTHING if guest is None else Visibility((FolderAccess(guest.source, guest.folder),))


def as_filter(wanted: Wanted) -> Filter:
    return Filter(
        folders=(wanted.folder,) if wanted.folder else (),
        sources=(wanted.source,) if wanted.source else (),
        tags=(wanted.tag,) if wanted.tag else (),
        favourite=wanted.favourite,
    )


def contents_of(photo_ids) -> set[str]:
    known = {photo_id(content): content for content in CONTENTS}
    return {known[one] for one in photo_ids}


class Library(RuleBasedStateMachine):
    """Does to the catalog and the index what the service does, and to the model what that means."""

    policy = IndexPolicy()

    def __init__(self) -> None:
        super().__init__()
        self.model = LibraryModel()
        self._temporary = tempfile.TemporaryDirectory(prefix="soutu-property-")
        self.folder = Path(self._temporary.name)
        self.recycled = self.steps = 0
        self._open()
        self.catalog.embeddings.register_space(SPACES[0], model="lite", variant="onnx", dimension=DIMENSION)
        self.index.load()

    def _open(self) -> None:
        self.catalog = Catalog.open(self.folder / "catalog.sqlite")
        self.engine = QueryEngine(self.catalog, None, FixedEmbedder())
        self.index = LibraryIndex(
            self.catalog, snapshot=self.folder / "index.snapshot", on_made=self._serve_from, policy=self.policy
        )

    def _serve_from(self, index: VectorIndex) -> None:
        self.engine.serve_from(index)

    def teardown(self) -> None:
        self.catalog.close()
        self._temporary.cleanup()

    @initialize(files=st.dictionaries(places, contents, min_size=3), progress=how_far)
    def find_some_photos(self, files: dict[Place, str], progress: str) -> None:
        self.model.files.update(files)
        self._go_on(progress)

    # Files come and go, and the service notices at some time

    @rule(place=places, content=contents, progress=how_far)
    def write_file(self, place: Place, content: str, progress: str) -> None:
        self.model.files[place] = content
        self._go_on(progress)

    @precondition(lambda self: self.model.objects)
    @rule(data=st.data(), content=contents, progress=how_far)
    def write_where_something_is_known(self, data, content: str, progress: str) -> None:
        self.model.files[data.draw(st.sampled_from(sorted(self.model.objects)))] = content
        self._go_on(progress)

    @precondition(lambda self: self.model.files)
    @rule(data=st.data(), place=places, keeps=st.booleans(), progress=how_far)
    def move_or_copy_file(self, data, place: Place, keeps: bool, progress: str) -> None:
        source = data.draw(st.sampled_from(sorted(self.model.files)))
        content = self.model.files[source] if keeps else self.model.files.pop(source)
        self.model.files[place] = content
        self._go_on(progress)

    @precondition(lambda self: self.model.files)
    @rule(data=st.data(), progress=how_far)
    def remove_file(self, data, progress: str) -> None:
        del self.model.files[data.draw(st.sampled_from(sorted(self.model.files)))]
        self._go_on(progress)

    @precondition(lambda self: self.model.files)
    @rule(source=sources, progress=how_far)
    def unplug_a_disk(self, source: str, progress: str) -> None:
        away = {place: content for place, content in self.model.files.items() if place[0] == source}
        self.model.files = {place: content for place, content in self.model.files.items() if place not in away}
        self._go_on(progress)
        self.model.files.update(away)

    @rule(source=sources)
    def sync(self, source: str) -> None:
        self._sync(source)

    @rule(progress=how_far)
    def go_on(self, progress: str) -> None:
        self._go_on(progress)

    def _go_on(self, progress: str) -> None:
        """Let the service do what it does if it is left alone, up to some point."""
        if progress in ("listed", "read", "embedded"):
            for source in SOURCES:
                self._sync(source)
        if progress in ("read", "embedded"):
            self._read(most=1000)
        if progress == "embedded":
            self._embed(self.model.serving, most=1000)

    def _sync(self, source: str) -> None:
        listed = {key: content for (of, key), content in self.model.files.items() if of == source}
        seen = [SeenObject(key, etag(content), len(content), MODIFIED) for key, content in listed.items()]
        self.catalog.objects.record_seen(source, seen)
        self.catalog.objects.mark_gone(source, set(self.catalog.objects.present_keys(source)) - set(listed))
        self.model.sync(source)

    @rule(most=st.integers(1, 20))
    def read(self, most: int) -> None:
        self._read(most)

    def _read(self, most: int) -> None:
        waiting = self.catalog.objects.next_unread(1000)
        assert {(row.source, row.key) for row in waiting} == set(self.model.unread())
        for row in waiting[:most]:
            place = (row.source, row.key)
            if place not in self.model.files:
                continue
            content = self.model.files[place]
            known = self.catalog.objects.find_contents([sha256(content)]).get(sha256(content))
            is_new = known is None or not known.read
            is_broken = content == "broken"
            item = Ingested(
                row,
                sha256(content),
                reading=READING if is_new and not is_broken else None,
                unreadable=UnreadableReason.BROKEN if is_new and is_broken else None,
                revives_purged=row.source == UPLOADS,
            )
            self.catalog.ingest.record([item])
            self.model.read(place)

    @rule(place=st.tuples(st.just(UPLOADS), keys), content=contents, progress=how_far)
    def upload(self, place: Place, content: str, progress: str) -> None:
        self._upload(place, content)
        self._go_on(progress)

    @precondition(lambda self: self.model.purged)
    @rule(data=st.data(), place=st.tuples(st.just(UPLOADS), keys))
    def upload_what_was_purged(self, data, place: Place) -> None:
        self._upload(place, data.draw(st.sampled_from(sorted(self.model.purged))))

    def _upload(self, place: Place, content: str) -> None:
        source, key = place
        size, digest = len(content), sha256(content)
        self.catalog.objects.put(source, key, etag=etag(content), size_bytes=size, modified_at=MODIFIED, sha256=digest)
        self.model.put(place, content)

    @rule(data=st.data(), most=st.integers(1, 5))
    def embed(self, data, most: int) -> None:
        self._embed(data.draw(st.sampled_from(self.model.spaces)), most)

    def _embed(self, space: str, most: int) -> None:
        pending = [one for _, one in self.catalog.embeddings.pending(space, 1000)]
        assert contents_of(pending) == self.model.pending(space)
        if some := sorted(contents_of(pending))[:most]:
            vectors = np.array([vector(content, space) for content in some], dtype=np.float32)
            self.index.put(space, [photo_id(content) for content in some], vectors)
            for content in some:
                self.model.embed(space, content)

    # People

    @precondition(lambda self: self.model.photos)
    @rule(data=st.data(), tag=st.sampled_from(TAGS), favourite=st.sampled_from([None, True, False]), adds=st.booleans())
    def annotate(self, data, tag: str, favourite: bool | None, adds: bool) -> None:
        content = data.draw(st.sampled_from(sorted(self.model.photos)))
        caption = data.draw(st.sampled_from([None, "", "奶奶的生日"]))
        change = AnnotationChange(
            add_tags=(tag,) if adds else (), remove_tags=() if adds else (tag,), favourite=favourite, caption=caption
        )
        self.catalog.annotations.annotate([photo_id(content)], change)
        photo = self.model.photos[content]
        (photo.tags.add if adds else photo.tags.discard)(tag)
        photo.favourite = photo.favourite if favourite is None else favourite
        photo.caption = photo.caption if caption is None else caption

    @precondition(lambda self: self.model.photos)
    @rule(data=st.data())
    def delete(self, data) -> None:
        self._delete(data.draw(st.sampled_from(sorted(self.model.photos))))

    @precondition(lambda self: self.model.photos)
    @rule(data=st.data())
    def delete_for_good(self, data) -> None:
        content = data.draw(st.sampled_from(sorted(self.model.photos)))
        self._delete(content)
        self._purge([content], [photo_id(content)])

    @precondition(lambda self: self.model.read_uploads())
    @rule(data=st.data(), content=contents, then=st.sampled_from(["undelete", "purge", "nothing"]))
    def delete_what_was_written_over(self, data, content: str, then: str) -> None:
        """Somebody puts another file in a photo's place, and the photo is deleted before a sync has seen that."""
        place, photo = data.draw(st.sampled_from(self.model.read_uploads()))
        self.model.files[place] = content
        self._delete(photo)
        if content != photo:
            assert self.model.files[place] == content
        if then == "undelete":
            self._undelete(photo)
        elif then == "purge":
            self._purge([photo], [photo_id(photo)])

    def _delete(self, content: str) -> None:
        """Delete a photo as the service does: what the store holds in its place by now is moved only if it is its own."""
        self.catalog.photos.delete([photo_id(content)])
        for _, stored in self.catalog.objects.of_deleted_photos([UPLOADS], photo_id(content)):
            if stored.present and self.model.files.get((UPLOADS, stored.key)) != content:
                self.catalog.objects.mark_gone(UPLOADS, [stored.key])
            elif stored.present:
                self.recycled += 1
                self.catalog.objects.recycle(stored.object_id, f"recycled-{self.recycled}")
                self.catalog.objects.moved(f"recycled-{self.recycled}")
        self.model.delete(content)

    @precondition(lambda self: any(photo.deleted for photo in self.model.photos.values()))
    @rule(data=st.data())
    def undelete(self, data) -> None:
        self._undelete(data.draw(st.sampled_from(self._deleted())))

    def _undelete(self, content: str) -> None:
        self.catalog.photos.undelete([photo_id(content)])
        back: dict[Place, Place] = {}
        for one in self.catalog.objects.recycled([photo_id(content)]):
            place = (one.source, one.key)
            while place in self.model.files or place in back.values():
                place = (place[0], f"还原 {place[1]}")
            back[one.source, one.key] = place
            self.catalog.objects.restore(
                one.recycled_id, place[1], etag=etag(content), size_bytes=len(content), modified_at=MODIFIED
            )
        self.model.undelete(content, lambda place: back[place])

    @precondition(lambda self: any(photo.deleted for photo in self.model.photos.values()))
    @rule(data=st.data(), everything=st.booleans())
    def purge(self, data, everything: bool) -> None:
        some = self._deleted() if everything else [data.draw(st.sampled_from(self._deleted()))]
        self._purge(some, None if everything else [photo_id(some[0])])

    def _purge(self, some: list[str], photo_ids: list[str] | None) -> None:
        purged = self.catalog.photos.purge(photo_ids)
        assert contents_of(purged.photo_ids) == set(some)
        self.index.remove(purged.embedding_ids)
        for content in some:
            self.model.purge(content)

    # Another model

    @precondition(lambda self: len(self.model.spaces) < len(SPACES))
    @rule()
    def register_space(self) -> None:
        space = next(space for space in SPACES if space not in self.model.spaces)
        self.catalog.embeddings.register_space(space, model="other", variant="onnx", dimension=DIMENSION)
        self.model.spaces.append(space)

    @precondition(lambda self: len(self.model.spaces) > 1)
    @rule(data=st.data())
    def prepare(self, data) -> None:
        self.index.prepare(data.draw(st.sampled_from(self.model.spaces)))

    @precondition(lambda self: len(self.model.spaces) > 1)
    @rule()
    def switch(self) -> None:
        space = next(space for space in self.model.spaces if space != self.model.serving)
        self.index.switch(space, lambda: self.catalog.embeddings.set_serving_space(space))
        self.model.serving = space

    @precondition(lambda self: len(self.model.spaces) > 1)
    @rule()
    def forget(self) -> None:
        space = next(space for space in self.model.spaces if space != self.model.serving)
        self.index.discard()
        self.catalog.fillings.forget(space)
        self.model.forget(space)

    # The service ends, and starts again

    @rule()
    def save_the_index(self) -> None:
        self.index.save()

    @rule(saves=st.booleans())
    def make_the_index_anew(self, saves: bool) -> None:
        self.index.rebuild()
        kind, vectors = self.index.summary
        assert not self.index.is_due
        assert kind == Method.FLAT or self.policy.method(vectors, DIMENSION) == kind or vectors == 0
        if saves:
            self.index.save()

    @rule(saves=st.booleans())
    def restart(self, saves: bool) -> None:
        if saves:
            self.index.save()
        self.catalog.close()
        self._open()
        self.index.load()

    # What must be true at any time

    @invariant()
    def time_passes(self) -> None:
        self.steps += 1

    @invariant()
    def photos_are_as_they_should_be(self) -> None:
        for content in CONTENTS:
            try:
                photo = self.catalog.photos.get(photo_id(content), EVERYTHING)
            except NotFound:
                assert content not in self.model.photos
                continue
            wanted = self.model.photos[content]
            assert {(name.source, name.name): name.present for name in photo.names} == self.model.names(content)
            assert photo.state.value == self.model.state(content)
            assert (photo.deleted_at is not None) == wanted.deleted
            told = photo.annotations
            assert (set(told.tags), told.caption, told.favourite) == (wanted.tags, wanted.caption, wanted.favourite)

    @invariant()
    def counts_and_lists_are_right(self) -> None:
        model = self.model
        shown = {content for content in model.photos if model.is_shown(content)}
        counts = self.catalog.counts()
        assert counts.photos == len(shown)
        states = [model.state(content) for content in shown]
        assert (counts.ready, counts.pending) == (states.count("READY"), states.count("PENDING"))
        assert counts.unreadable == states.count("UNREADABLE")
        assert counts.deleted == len(self._deleted())
        assert counts.objects == sum(known.present for known in model.objects.values())
        page = self.catalog.photos.list_page(Filter(), EVERYTHING, limit=100)
        assert (contents_of(photo.photo_id for photo in page.photos), page.total) == (shown, len(shown))
        binned = self.catalog.photos.list_page(Filter(), EVERYTHING, deleted=True, limit=100)
        assert contents_of(photo.photo_id for photo in binned.photos) == set(self._deleted())
        for guest in GUESTS:
            visible = {content for content in shown if model.sees(guest, content)}
            assert self.catalog.counts_within(visibility(guest)).photos == len(visible)
            assert self.catalog.photos.visible([photo_id(one) for one in CONTENTS], visibility(guest)) == set(
                map(photo_id, visible)
            )

    @invariant()
    def what_is_looked_for_is_found_and_nothing_else(self) -> None:
        like = vector(NOBODYS, self.model.serving)
        for guest in self._guests():
            for wanted in (FILTERS[0], FILTERS[1 + self.steps % (len(FILTERS) - 1)]):
                page = self.engine.search(Query((Term(image=b"any"),), as_filter(wanted)), visibility(guest))
                cosines = {hit.photo.photo_id: hit.cosine for hit in page.hits}
                expected = {photo_id(one): near for one, near in self.model.by_look(like, guest, wanted).items()}
                assert cosines == pytest.approx(expected, abs=2e-3)
                assert list(cosines.values()) == sorted(cosines.values(), reverse=True)
                newest = self.engine.search(Query((), as_filter(wanted)), visibility(guest))
                assert contents_of(hit.photo.photo_id for hit in newest.hits) == self.model.found(guest, wanted)

    @invariant()
    def words_are_found(self) -> None:
        for guest in self._guests():
            word = WORDS[self.steps % len(WORDS)]
            for wanted in (FILTERS[0], FILTERS[1 + self.steps % (len(FILTERS) - 1)]):
                expected = self.model.by_word(word, guest, wanted)
                hits = self.catalog.words.search(word, as_filter(wanted), visibility(guest))
                assert contents_of(hit.photo_id for hit in hits) == expected
                found = self.catalog.words.photos_with(word, as_filter(wanted), visibility(guest))
                assert contents_of(found) == expected

    @invariant()
    def nothing_is_broken(self) -> None:
        verification = self.catalog.verification
        assert verification.broken_references(repair=False) == ([], 0)
        assert verification.wrong_presence(repair=False) == []
        assert verification.wrong_states(repair=False) == []
        assert verification.wrong_words(repair=False) == []
        assert self.index.differences().tolist() == []

    def _guests(self) -> tuple[Guest | None, ...]:
        """Choose who looks at the library after this step: somebody who sees everything, and one of the guests in turn."""
        return None, GUESTS[self.steps % len(GUESTS)]

    def _deleted(self) -> list[str]:
        return sorted(content for content, photo in self.model.photos.items() if photo.deleted)


class LibraryOfCodes(Library):
    """The same with an index that is searched as one of a million photos is."""

    policy = policies(loose_vectors=0)["fast-scan"]


class LibraryOfLists(Library):
    """The same with an index that is searched as one of ten million is."""

    policy = policies(loose_vectors=0)["ivf-fast-scan"]


TestLibrary = Library.TestCase
TestLibrary.settings = settings.get_profile("long" if settings.get_current_profile_name() == "long" else "short")
TestLibraryOfCodes = LibraryOfCodes.TestCase
TestLibraryOfCodes.settings = settings(TestLibrary.settings, max_examples=TestLibrary.settings.max_examples // 2)
TestLibraryOfLists = LibraryOfLists.TestCase
TestLibraryOfLists.settings = settings(TestLibrary.settings, max_examples=TestLibrary.settings.max_examples // 2)
