from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from patience import PATIENCE
from soutu_services.runtime.access import FolderAccess
from soutu_services.runtime.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable
from soutu_services.runtime.language import Text
from soutu_services.search.catalog import AnnotationChange
from soutu_services.search.embedding_errors import EmbedderUntrusted
from soutu_services.search.index import FlatIndex
from soutu_services.search.model import Filter, FloatArray, UnreadableReason
from soutu_services.search.query import _WORD_THREADS, NoticeReason, Query, QueryEngine, Term
from soutu_services.search.visibility import EVERYTHING, Visibility

SPACE = "5" * 32
THINGS = ("狗", "雪", "猫", "海", "奶奶", "车", "花", "山")


def scene(**amounts: float) -> FloatArray:
    """Make an embedding of a picture that shows these things; the 8 dimensions stand for one thing each."""
    vector = np.full(8, 0.05, dtype=np.float32)
    for thing, amount in amounts.items():
        vector[THINGS.index(thing)] = amount
    return vector / np.float32(np.linalg.norm(vector))


@dataclass
class TinyModel:
    """A stand-in for the embedding service: a text means the things it names, a picture is the vector in its bytes."""

    is_up: bool = True
    has_texts: bool = True
    asked: list[str] = field(default_factory=list)

    def embed_text(self, text: str, *, space_id: str) -> FloatArray:
        self._answer(text, space_id)
        if not self.has_texts:
            raise FailedPrecondition("TOWER_NOT_LOADED", zh="没有加载", en="not loaded")
        return scene(**{thing: 1.0 for thing in THINGS if thing in text})

    def embed_image(self, image: bytes, *, space_id: str) -> FloatArray:
        self._answer("image", space_id)
        return np.frombuffer(image, dtype=np.float32)

    def _answer(self, what: str, space_id: str) -> None:
        self.asked.append(what)
        assert space_id == SPACE
        if not self.is_up:
            raise Unavailable("EMBEDDING_UNAVAILABLE", zh="不在", en="away")


@dataclass
class Setup:
    library: Any
    model: TinyModel
    engine: QueryEngine
    index: FlatIndex
    names: dict[str, str]

    def rebuild(self) -> None:
        self.index = FlatIndex(SPACE, 8)
        for batch in self.library.catalog.embeddings.iterate(SPACE):
            self.index.add(batch.ids, batch.vectors)
        self.engine.serve_from(self.index)

    def add(self, key: str, vector: FloatArray, **fields: Any) -> str:
        photo_id: str = self.library.add(key, key, vector=vector, **fields)
        self.names[photo_id] = key
        self.rebuild()
        return photo_id

    def find(self, *terms: Term | str, **query: Any) -> list[str]:
        page = self.engine.search(ask(*terms, **query), EVERYTHING)
        return [self.names[hit.photo.photo_id] for hit in page.hits]


def ask(*terms: Term | str, **query: Any) -> Query:
    return Query(tuple(Term(text=term) if isinstance(term, str) else term for term in terms), **query)


@pytest.fixture
def setup(library: Any) -> Setup:
    model = TinyModel()
    made = Setup(library, model, QueryEngine(library.catalog, None, model), FlatIndex(SPACE, 8), {})
    made.add("IMG_1.jpg", scene(狗=1, 雪=0.8))
    made.add("IMG_2.jpg", scene(狗=1, 海=0.5))
    made.add("IMG_3.jpg", scene(猫=1))
    made.add("IMG_4.jpg", scene(雪=1, 山=1))
    made.add("家/奶奶生日.jpg", scene(花=1, 车=0.3))
    made.add("IMG_5.jpg", scene(奶奶=1))
    return made


def test_a_text_finds_what_looks_like_it(setup: Setup) -> None:
    assert setup.find("去年雪地里的狗")[0] == "IMG_1.jpg"
    assert len(setup.find("狗")) == 6, "everything that can be found is ranked"


def test_a_name_is_not_pushed_away_by_what_only_looks_alike(setup: Setup) -> None:
    for text in ("奶奶", "奶奶过生日的时候", "奶奶生日"):
        assert setup.find(text)[:2] == ["家/奶奶生日.jpg", "IMG_5.jpg"], text


def test_what_is_found_both_ways_comes_first(setup: Setup) -> None:
    both = setup.add("奶奶.jpg", scene(奶奶=1, 花=0.2))
    hits = setup.engine.search(ask("奶奶"), EVERYTHING).hits
    assert hits[0].photo.photo_id == both
    assert hits[0].score > hits[1].score
    assert hits[0].cosine is not None
    assert [match.text for match in hits[0].matches] == ["奶奶.jpg"]
    assert hits[2].matches == ()


def test_weights_add_up_and_negative_ones_turn_away(setup: Setup) -> None:
    assert setup.find("狗", Term(text="雪", weight=0.8))[0] == "IMG_1.jpg"
    assert setup.find("狗", Term(text="雪", weight=-0.8))[0] == "IMG_2.jpg"
    assert setup.find(Term(text="狗", weight=0.0), "猫")[0] == "IMG_3.jpg"


def test_a_negative_text_drops_what_is_named_so(setup: Setup) -> None:
    setup.add("前任和狗.jpg", scene(狗=1))
    assert "前任和狗.jpg" in setup.find("狗")
    assert "前任和狗.jpg" not in setup.find("狗", Term(text="前任", weight=-0.01))


def test_a_known_photo_finds_similar_ones_but_not_itself(setup: Setup) -> None:
    photo_id = next(one for one, name in setup.names.items() if name == "IMG_1.jpg")
    hits = setup.find(Term(photo_id=photo_id))
    assert hits[0] == "IMG_2.jpg"
    assert "IMG_1.jpg" not in hits
    assert setup.find(Term(photo_id=photo_id[:8].upper())) == hits
    assert setup.model.asked == [], "its vector is known"


def test_a_picture_finds_similar_ones(setup: Setup) -> None:
    assert setup.find(Term(image=scene(猫=1).tobytes()))[0] == "IMG_3.jpg"


def test_without_terms_all_are_listed_newest_first(setup: Setup) -> None:
    for day in (1, 2, 3):
        setup.add(f"{day}.jpg", scene(车=1), taken=setup.library.taken(f"203{day}-01-01T00:00:00"))
    setup.add("broken.jpg", scene(), unreadable=UnreadableReason.BROKEN)
    assert setup.find()[:3] == ["3.jpg", "2.jpg", "1.jpg"]
    assert "broken.jpg" not in setup.find()
    assert setup.find(filter=Filter(taken_until="2032"), page_size=2) == ["2.jpg", "1.jpg"]


def test_the_smallest_score_holds_for_looks_and_not_for_names(setup: Setup) -> None:
    assert setup.find("狗", min_score=0.7) == ["IMG_2.jpg", "IMG_1.jpg"]
    assert setup.find("奶奶", min_score=0.9) == ["家/奶奶生日.jpg", "IMG_5.jpg"]
    cosines = [hit.cosine for hit in setup.engine.search(ask("狗", min_score=0.7), EVERYTHING).hits]
    assert all(cosine is not None and cosine >= 0.7 for cosine in cosines)


def test_filters_never_cost_results(setup: Setup) -> None:
    for number in range(300):
        setup.library.add(f"far/{number}.jpg", f"far {number}", vector=scene(车=1, 山=0.01 * number))
    chosen = setup.library.add("near/x.jpg", "x", vector=scene(狗=-1))
    setup.names[chosen] = "near/x.jpg"
    setup.rebuild()
    assert setup.find("车", filter=Filter(folders=("near",))) == ["near/x.jpg"]
    far = setup.engine.search(ask("狗", filter=Filter(folders=("far",)), page_size=200), EVERYTHING)
    assert len(far.hits) == 200
    assert far.next_page_token


def test_hidden_photos_neither_show_nor_cost_results(setup: Setup) -> None:
    dogs = [setup.library.add(f"狗 {number}.jpg", vector=scene(狗=1)) for number in range(30)]
    setup.rebuild()
    setup.library.catalog.photos.delete(dogs[:20])
    setup.library.catalog.objects.mark_gone("photos", [f"狗 {number}.jpg" for number in range(20, 30)])
    page = setup.engine.search(ask("狗"), EVERYTHING)
    assert len(page.hits) == 6
    assert not {hit.photo.photo_id for hit in page.hits} & set(dogs)


def test_many_hidden_photos_do_not_use_up_the_depth(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soutu_services.search.query.MAX_DEPTH", 4)
    dogs = [setup.library.add(f"{number}.jpg", f"dog {number}", vector=scene(狗=1)) for number in range(40)]
    setup.rebuild()
    setup.library.catalog.photos.delete(dogs)
    assert len(setup.find("狗")) == 4


def test_pages_go_through_all_hits_once(setup: Setup) -> None:
    for number in range(40):
        setup.library.add(f"旅行/{number}.jpg", f"trip {number}", vector=scene(山=1))
    setup.rebuild()
    query, seen = ask("山上旅行", page_size=7), []
    while True:
        page = setup.engine.search(query, EVERYTHING)
        seen += [hit.photo.photo_id for hit in page.hits]
        if not page.next_page_token:
            break
        query = replace(query, page_token=page.next_page_token)
    assert len(seen) == len(set(seen)) == 46
    assert seen == [hit.photo.photo_id for hit in setup.engine.search(ask("山上旅行", page_size=200), EVERYTHING).hits]


def test_a_page_reads_no_more_photos_than_it_takes_and_is_the_same(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):  # of each three, two look quite the same: their order is that of their ids
        setup.library.add(f"{number}.jpg", f"peak {number}", vector=scene(山=1, 海=number // 3 / 20, 雪=(number % 3 == 0) / 9))
    setup.rebuild()
    read: list[int] = []
    photos_of = setup.library.catalog.embeddings.photos_of

    def noted(ids: Any) -> dict[int, str]:
        read.append(len(ids))
        return photos_of(ids)

    monkeypatch.setattr(setup.library.catalog.embeddings, "photos_of", noted)
    whole = [hit.photo.photo_id for hit in setup.engine.search(ask("山", page_size=66), EVERYTHING).hits]
    assert len(set(whole)) == 66
    query = ask("山", page_size=5)
    for start in range(0, 65, 5):
        read.clear()
        page = setup.engine.search(query, EVERYTHING)
        assert [hit.photo.photo_id for hit in page.hits] == whole[start : start + 5]
        assert sum(read) <= start + 5 + 1 + 10
        query = replace(query, page_token=page.next_page_token)


def test_pages_go_through_all_hits_once_where_an_index_overlooks_and_many_are_hidden(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_services.search.query.MAX_DEPTH", 40)
    monkeypatch.setattr("soutu_services.search.query._FIRST_DEPTH", 16)
    added = [setup.library.add(f"{number}.jpg", f"peak {number}", vector=scene(山=1, 海=number / 99)) for number in range(40)]
    setup.rebuild()
    hidden = [photo_id for at, photo_id in enumerate(added) if at % 5 not in (0, 1)]
    setup.library.catalog.photos.delete(hidden)
    search = setup.index.search

    def overlooking(vector: FloatArray, k: int, allowed: Any = None) -> Any:
        """Find less of what is near, the fewer are asked for, as an approximate index does."""
        ids, cosines = search(vector, 46, allowed)
        found = np.array([int(one) % 40 < k for one in ids])
        return ids[found][:k], cosines[found][:k]

    monkeypatch.setattr(setup.index, "search", overlooking)
    query, seen = ask("山", page_size=2), []
    while True:
        page = setup.engine.search(query, EVERYTHING)
        seen += [hit.photo.photo_id for hit in page.hits]
        if not page.next_page_token:
            break
        query = replace(query, page_token=page.next_page_token)
    whole = setup.engine.search(ask("山", page_size=200), EVERYTHING)
    assert seen == [hit.photo.photo_id for hit in whole.hits]
    assert len(seen) == len(set(seen)) == 46 - len(hidden)


def test_a_search_waits_for_no_other_s_words(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    end, search = threading.Event(), setup.library.catalog.words.search
    slow = threading.Barrier(_WORD_THREADS + 1)

    def slowly(text: str, *given: Any) -> Any:
        if text == "慢":
            slow.wait(PATIENCE)
            assert end.wait(PATIENCE)
        return search(text, *given)

    monkeypatch.setattr(setup.library.catalog.words, "search", slowly)
    others = [threading.Thread(target=setup.find, args=("慢",)) for _ in range(_WORD_THREADS)]
    quick = threading.Thread(target=setup.find, args=("奶奶",))
    for other in others:
        other.start()
    try:
        slow.wait(PATIENCE)
        quick.start()
        quick.join(PATIENCE / 4)
        assert not quick.is_alive()
    finally:
        end.set()
        for other in (*others, quick):
            other.join(PATIENCE)


def test_words_are_looked_up_while_the_model_works(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = threading.Event()
    search, embed = setup.library.catalog.words.search, setup.model.embed_text

    def noted(*given: Any) -> Any:
        looked_up.set()
        return search(*given)

    def waiting(text: str, *, space_id: str) -> FloatArray:
        assert looked_up.wait(PATIENCE)
        return embed(text, space_id=space_id)

    monkeypatch.setattr(setup.library.catalog.words, "search", noted)
    monkeypatch.setattr(setup.model, "embed_text", waiting)
    assert setup.find("奶奶")[0] == "家/奶奶生日.jpg"


def test_a_token_of_another_query_is_refused(setup: Setup) -> None:
    token = setup.engine.search(ask("狗", page_size=2), EVERYTHING).next_page_token
    assert setup.engine.search(ask("狗", page_size=3, page_token=token), EVERYTHING).hits
    for other in (
        ask("猫", page_token=token),
        ask("狗", page_token=token, min_score=0.1),
        ask("狗", page_token=token, filter=Filter(favourite=True)),
        ask(Term(text="狗", weight=2), page_token=token),
        ask(page_token=token),
        ask("狗", page_token="WyJ4Il0"),
        ask("狗", page_token=token + "\x00"),
    ):
        with pytest.raises(InvalidInput):
            setup.engine.search(other, EVERYTHING)


def test_names_answer_while_the_model_is_away(setup: Setup) -> None:
    setup.model.is_up = False
    page = setup.engine.search(ask("奶奶过生日的时候"), EVERYTHING)
    assert [setup.names[hit.photo.photo_id] for hit in page.hits] == ["家/奶奶生日.jpg"]
    assert [notice.reason for notice in page.notices] == [NoticeReason.EMBEDDING_UNAVAILABLE]
    assert page.notices[0].text.zh.endswith("相册里找。不在")  # the model's own reason
    assert page.notices[0].text.en.endswith("albums: away")
    assert page.hits[0].cosine is None
    photo_id = next(one for one, name in setup.names.items() if name == "IMG_1.jpg")
    assert setup.find(Term(photo_id=photo_id))[0] == "IMG_2.jpg"
    image, no_image = Term(image=b"x" * 32), Term(image=b"x" * 32, weight=-1)
    for query in (ask(image), ask(image, Term(text="狗", weight=-1)), ask("奶奶", image), ask("奶奶", no_image)):
        with pytest.raises(Unavailable):  # what is found without the picture is not what was asked for
            setup.engine.search(query, EVERYTHING)
    assert len(setup.find()) == 6


def test_a_guest_is_not_told_where_the_model_runs(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> FloatArray:
        raise EmbedderUntrusted(Text(zh="gpu.local:8402 的证书已过期", en="the certificate of gpu.local:8402 has ended"))

    monkeypatch.setattr(setup.model, "embed_text", refuse)
    monkeypatch.setattr(setup.model, "embed_image", refuse)
    for visibility, is_told in ((EVERYTHING, True), (Visibility((FolderAccess("", "家"),)), False)):
        page = setup.engine.search(ask("奶奶"), visibility)
        assert len(page.hits) > 0
        assert ("gpu.local" in page.notices[0].text.zh + page.notices[0].text.en) is is_told
        with pytest.raises(Unavailable) as caught:
            setup.engine.search(ask(Term(image=b"x" * 32)), visibility)
        assert ("gpu.local" in str(caught.value)) is is_told
        assert caught.value.__suppress_context__ or is_told


def test_names_answer_where_the_model_has_no_half_for_texts(setup: Setup) -> None:
    setup.model.has_texts = False
    page = setup.engine.search(ask("奶奶过生日的时候"), EVERYTHING)
    assert [setup.names[hit.photo.photo_id] for hit in page.hits] == ["家/奶奶生日.jpg"]
    assert [notice.reason for notice in page.notices] == [NoticeReason.EMBEDDING_UNAVAILABLE]
    assert setup.find(Term(image=scene(狗=1).tobytes()))


def test_names_answer_before_any_model_was_seen(setup: Setup) -> None:
    setup.engine.serve_from(None)
    page = setup.engine.search(ask("奶奶"), EVERYTHING)
    assert len(page.hits) == 1
    assert page.notices[0].reason is NoticeReason.EMBEDDING_UNAVAILABLE
    with pytest.raises(Unavailable):
        setup.engine.search(ask(Term(image=b"x" * 32)), EVERYTHING)


def test_a_list_goes_on_as_it_began_when_the_model_comes_or_goes(setup: Setup) -> None:
    for number in range(4):
        setup.add(f"奶奶 {number}.jpg", scene(奶奶=1))
    with_model = setup.engine.search(ask("奶奶", page_size=2), EVERYTHING)
    setup.model.is_up = False
    with pytest.raises(Unavailable):
        setup.engine.search(ask("奶奶", page_size=2, page_token=with_model.next_page_token), EVERYTHING)
    without = setup.engine.search(ask("奶奶", page_size=2), EVERYTHING)
    setup.model.is_up = True
    rest = setup.engine.search(ask("奶奶", page_size=50, page_token=without.next_page_token), EVERYTHING)
    assert len({hit.photo.photo_id for hit in without.hits + rest.hits}) == len(without.hits + rest.hits) == 5


def test_pending_photos_are_found_by_name_with_a_notice(setup: Setup) -> None:
    assert setup.engine.search(ask("奶奶"), EVERYTHING).notices == ()
    pending = setup.add("奶奶和狗.jpg", scene(), embedded=False)
    page = setup.engine.search(ask("奶奶"), EVERYTHING)
    assert pending in {hit.photo.photo_id for hit in page.hits}
    assert [notice.reason for notice in page.notices] == [NoticeReason.PHOTOS_PENDING]
    assert page.notices[0].text.zh
    assert setup.engine.search(ask("奶奶", filter=Filter(folders=("家",))), EVERYTHING).notices == ()
    with pytest.raises(FailedPrecondition):
        setup.engine.search(ask(Term(photo_id=pending)), EVERYTHING)


def test_tags_count_as_words(setup: Setup) -> None:
    photo_id = next(one for one, name in setup.names.items() if name == "IMG_3.jpg")
    setup.library.catalog.annotations.annotate([photo_id], AnnotationChange(add_tags=("火星",)))
    assert setup.find("火星")[0] == "IMG_3.jpg"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ask(*["狗"] * 33),
        lambda: ask("狗" * 1001),
        lambda: ask("  "),
        lambda: ask(Term()),
        lambda: ask(Term(text="狗", photo_id="a" * 32)),
        lambda: ask(Term(image=b"")),
        lambda: ask(Term(photo_id="nothing")),
        lambda: ask(Term(text="狗", weight=-1)),
        lambda: ask(Term(text="狗", weight=0)),
        lambda: ask(Term(text="狗", weight=float("nan"))),
        lambda: ask(Term(text="狗", weight=float("inf"))),
        lambda: ask("狗", min_score=1.5),
        lambda: ask("狗", min_score=float("nan")),
        lambda: ask("狗", page_size=0),
        lambda: ask("狗", page_size=201),
        lambda: ask("狗", Term(text="狗", weight=-1)),
        lambda: ask("狗", filter=Filter(taken_from="yesterday")),
    ],
)
def test_refuses_what_cannot_be_right(setup: Setup, make: Callable[[], Query]) -> None:
    with pytest.raises(InvalidInput):
        setup.engine.search(make(), EVERYTHING)


def test_a_photo_that_is_not_there_is_told(setup: Setup) -> None:
    with pytest.raises(NotFound):
        setup.engine.search(ask(Term(photo_id="0" * 32)), EVERYTHING)
    photo_id = next(iter(setup.names))
    setup.library.catalog.photos.delete([photo_id])
    with pytest.raises(NotFound):
        setup.engine.search(ask(Term(photo_id=photo_id)), EVERYTHING)


def test_a_model_of_another_length_is_refused(setup: Setup) -> None:
    with pytest.raises(FailedPrecondition):
        setup.engine.search(ask(Term(image=np.ones(9, dtype=np.float32).tobytes())), EVERYTHING)
