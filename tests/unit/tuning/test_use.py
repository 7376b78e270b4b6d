"""The record of use: what it tells of texts and photos, how much that counts, and what an adapter learns from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from soutu_client import Access, Feedback, ImageTerm, PhotoTerm, Scope, TextTerm
from soutu_client import Deed as KeptDeed
from soutu_client import Use as KeptUse
from soutu_services.embedding.encoder import ItemRefused, ModelCard, Tower
from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.tuning.adapter_fit import FitRequest, fit_adapter
from soutu_services.tuning.adapter_loss import use_loss_and_gradients
from soutu_services.tuning.adapter_selection import try_candidate, use_ranks
from soutu_services.tuning.adapter_training import AdapterTraining, TrainingOptions
from soutu_services.tuning.embedded_pairs import EmbeddedPairs
from soutu_services.tuning.flaws import Flaw, Flaws
from soutu_services.tuning.library import SpaceState, VectorBatch
from soutu_services.tuning.retrieval import FloatArray, IntArray
from soutu_services.tuning.use_pairs import UsePair, UseWeights, texts_of_photos, use_pairs
from soutu_services.tuning.use_record import Deed, Use, read_uses
from soutu_services.tuning.use_vectors import UseVectors, embed_use

CARD = ModelCard("made", "space", "test", 16, frozenset(Tower), input_size=8, text_characters=9)
OPTIONS = TrainingOptions(hidden=24, batch=32, rate=3e-3)
OWNER = Access("", Scope.ADMIN, ())
BEGIN = datetime(2026, 11, 29, tzinfo=UTC)
PHOTO, OTHER = "a" * 32, "b" * 32


def use(did: Deed, *, after: int = 0, rank: int = 1, who: str = "", query: str = "狗", photo_id: str = PHOTO) -> Use:
    return Use(did, query, photo_id, rank, who, BEGIN + timedelta(seconds=after))


def weight(*uses: Use) -> float:
    (pair,) = use_pairs(uses)
    return pair.weight if pair.is_wanted else -pair.weight


# The record


def test_what_the_clients_keep_is_read_by_words_alone(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path)
    feedback.turn(is_on=True)
    asked = [
        (TextTerm(" 雪地里  的狗 "), TextTerm("人", -0.5)),
        (TextTerm("狗"), PhotoTerm(OTHER, -0.5)),
        (TextTerm("狗"), ImageTerm(b"...")),
        (PhotoTerm(OTHER),),
        (TextTerm("狗"), TextTerm("雪")),
    ]
    for number, terms in enumerate(asked):
        did = list(KeptDeed)[number]
        assert feedback.record(KeptUse(did, terms, PHOTO, 7, "ab12", BEGIN + timedelta(seconds=number)), access=OWNER)
    flaws = Flaws()
    assert read_uses([feedback.path], flaws) == [
        use(Deed.OPEN, rank=7, who="ab12", query="雪地里 的狗"),
        use(Deed.DOWNLOAD, after=1, rank=7, who="ab12"),
    ]
    assert [(report.flaw, report.count, report.first) for report in flaws.reports()] == [
        (Flaw.USE_WITHOUT_WORDS, 3, "use.jsonl:3")
    ]


def test_every_deed_of_the_clients_is_known() -> None:
    assert {deed.value for deed in KeptDeed} == {deed.value for deed in Deed}


def test_broken_lines_are_left_out_and_records_are_in_order(tmp_path: Path) -> None:
    files = [tmp_path / "laptop.jsonl", tmp_path / "nas.jsonl"]
    for number, file in enumerate(files):
        values = {"did": "open", "who": "", "terms": [{"text": "狗"}], "photo_id": PHOTO, "rank": 1}
        lines = [json.dumps(values | {"at": (BEGIN + timedelta(seconds=after)).isoformat()}) for after in (2 + number, number)]
        changes = ({"at": "then"}, {"rank": 0}, {"rank": 10**400}, {"photo_id": [1] * 32}, {"terms": [{"weight": 10**400}]})
        broken = ["half", "[]", *(json.dumps(values | {"at": BEGIN.isoformat()} | change) for change in changes)]
        file.write_text("\n".join([*lines, *(broken if number else []), ""]))
    flaws = Flaws()
    uses = read_uses(files, flaws)
    assert [one.at for one in uses] == [BEGIN + timedelta(seconds=after) for after in range(4)]
    assert uses[0].who != uses[1].who, "whoever uses another computer is somebody else"
    assert [(report.flaw, report.count, report.first) for report in flaws.reports()] == [(Flaw.BROKEN_ROW, 7, "nas.jsonl:3")]


# The pairs


def test_what_stands_far_down_counts_more_up_to_a_limit() -> None:
    weights = [weight(use(Deed.OPEN, rank=rank)) for rank in (1, 2, 4, 5, 60)]
    assert weights == [1, 2, 4, 5, 5]
    flat = UseWeights(eta=0)
    assert [pair.weight for rank in (1, 60) for pair in use_pairs([use(Deed.OPEN, rank=rank)], flat)] == [1, 1]
    assert weight(use(Deed.NOT_THIS, rank=60)) == weight(use(Deed.NOT_THIS, rank=1)) == -5


def test_keeping_a_photo_counts_more_than_opening_it() -> None:
    assert weight(use(Deed.DOWNLOAD)) > weight(use(Deed.OPEN))
    assert weight(use(Deed.FAVOURITE)) > weight(use(Deed.OPEN))


def test_one_person_saturates_and_persons_add_up() -> None:
    often = [weight(*(use(Deed.OPEN, after=number) for number in range(count))) for count in (1, 2, 3, 100)]
    assert often == [1, 1.5, 1.75, pytest.approx(2)]
    assert weight(use(Deed.OPEN, who="a"), use(Deed.OPEN, who="b")) == 2
    assert weight(*(use(Deed.OPEN, rank=9, who=who) for who in "aab")) == 12.5


def test_what_was_done_last_decides() -> None:
    no, yes = use(Deed.NOT_THIS, after=1), use(Deed.OPEN, after=2)
    assert weight(use(Deed.OPEN), no) == -5
    assert weight(use(Deed.OPEN), no, yes) == 1.5
    assert weight(no, use(Deed.DOWNLOAD, after=2, who="b")) == 2


def test_what_is_taken_back_was_never_said() -> None:
    no, back = use(Deed.NOT_THIS, after=1), use(Deed.TAKE_BACK, after=2)
    assert use_pairs([no, back]) == []
    assert weight(use(Deed.OPEN), no, back) == 1
    assert weight(replace(no, who="b"), no, back) == -5, "somebody else still says so"
    assert weight(no, back, use(Deed.NOT_THIS, after=3)) == -5


def test_pairs_are_of_one_query_and_one_photo() -> None:
    pairs = use_pairs([use(Deed.OPEN), use(Deed.NOT_THIS, photo_id=OTHER), use(Deed.OPEN, query="雪", rank=2)])
    assert pairs == [UsePair("狗", PHOTO, True, 1), UsePair("狗", OTHER, False, 5), UsePair("雪", PHOTO, True, 2)]
    assert texts_of_photos(pairs, least=1) == {PHOTO: ("狗", "雪")}
    assert texts_of_photos(pairs, least=1.5) == {PHOTO: ("雪",)}


# The vectors


class MadeLibrary:
    def __init__(self, photo_ids: list[str], *, space_id: str = "space") -> None:
        self.photo_ids = photo_ids
        self.space_id = space_id

    def spaces(self) -> list[SpaceState]:
        return [SpaceState(self.space_id, "made", 16, len(self.photo_ids), True, False, True)]

    def vectors(self, space_id: str) -> Iterator[VectorBatch]:
        assert space_id == self.space_id
        for number, photo_id in enumerate(self.photo_ids):
            yield VectorBatch([photo_id], np.eye(16, dtype=np.float32)[[number]], [0])


class MadeEncoder:
    card = CARD

    def prepare_text(self, text: str) -> str:
        if text == "坏":
            raise ItemRefused("BAD", zh="", en="")
        return text

    def encode_texts(self, texts: list[str]) -> FloatArray:
        return np.stack([np.eye(16, dtype=np.float32)[len(text)] for text in texts])


def test_photos_have_the_librarys_vectors_and_queries_the_models() -> None:
    pairs = [
        UsePair("狗", PHOTO, True, 3),
        UsePair("雪地", OTHER, False, 2),
        UsePair("坏", PHOTO, True, 1),
        UsePair("海", "c" * 32, True, 1),
    ]
    flaws = Flaws()
    found = embed_use(pairs, MadeEncoder(), MadeLibrary(["0" * 32, PHOTO, OTHER]), flaws)  # type: ignore[arg-type]
    assert found is not None
    assert found.texts == ("狗", "雪地")
    assert np.argmax(found.text_vectors, axis=1).tolist() == [1, 2]
    assert np.argmax(found.images, axis=1).tolist() == [1, 2]
    assert (found.pairs.tolist(), found.weights.tolist()) == ([[0, 0], [1, 1]], [3, -2])
    assert {report.flaw for report in flaws.reports()} == {Flaw.USE_WITHOUT_PHOTO, Flaw.REFUSED_TEXT}
    assert embed_use(pairs[3:], MadeEncoder(), MadeLibrary([PHOTO]), flaws) is None  # type: ignore[arg-type]
    with pytest.raises(FailedPrecondition, match="no vectors of made"):
        embed_use(pairs, MadeEncoder(), MadeLibrary([PHOTO], space_id="other"), flaws)  # type: ignore[arg-type]


class VideoLibrary(MadeLibrary):
    """Its photo is a video of four frames, in two parts."""

    def vectors(self, space_id: str) -> Iterator[VectorBatch]:
        for first in (0, 2):
            frames = np.eye(16, dtype=np.float32)[first : first + 2]
            yield VectorBatch([PHOTO, PHOTO], frames, [1000 * first, 1000 * first + 1000])


def test_of_a_video_the_frame_counts_that_a_query_found() -> None:
    pairs = [UsePair("狗", PHOTO, True, 3), UsePair("雪地", PHOTO, False, 2), UsePair("海", PHOTO, True, 1)]
    found = embed_use(pairs, MadeEncoder(), VideoLibrary([PHOTO]), Flaws())  # type: ignore[arg-type]
    assert found is not None
    assert np.argmax(found.images, axis=1).tolist() == [1, 2]
    assert (found.pairs.tolist(), found.weights.tolist()) == ([[0, 0], [1, 1], [2, 0]], [3, -2, 1])


# Learning


def unit(rows: np.ndarray) -> FloatArray:  # type: ignore[type-arg]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def made_pairs(photos: int, seed: int) -> EmbeddedPairs:
    """Make photos with two texts each, half of whose meaning lies elsewhere than in the photos: there is something to learn."""
    random = np.random.default_rng(seed)
    turned = np.random.default_rng(99).normal(size=(8, 8)) / 3
    meaning = random.normal(size=(photos, 8))
    images = np.concatenate([meaning, 0.3 * random.normal(size=(photos, 8))], axis=1)
    words = np.repeat(meaning, 2, axis=0) + 0.35 * random.normal(size=(2 * photos, 8))
    texts = np.concatenate([0.4 * words + 0.8 * random.normal(size=words.shape), words @ turned], axis=1)
    number = np.arange(2 * photos)
    pairs = np.stack([number, number // 2], axis=1)
    return EmbeddedPairs(np.arange(photos), unit(images), number, tuple(map(str, number)), unit(texts), pairs)


def made_uses(queries: int, seed: int) -> UseVectors:
    """Make queries by which a family means something else than the model takes them for: the same turn in each of them."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(np.random.default_rng(77).normal(size=(16, 16)))[0]
    images = random.normal(size=(queries, 16))
    words = 0.3 * images + images @ turn + random.normal(size=images.shape) * 0.1
    pairs = np.repeat(np.arange(queries), 2).reshape(-1, 2)
    weights = random.choice([1, 1.5, 5], queries).astype(np.float32)
    return UseVectors(tuple(f"问{seed}-{one}" for one in range(queries)), unit(words), unit(images), pairs, weights)


def request(uses: UseVectors | None = None) -> FitRequest:
    return FitRequest(
        name="family",
        base="lite",
        card=CARD,
        train=made_pairs(150, 1),
        valid=made_pairs(60, 2),
        split="valid",
        fingerprint="a",
        candidates=(OPTIONS,),
        most_epochs=12,
        uses=uses,
    )


def test_gradients_are_the_slopes_of_the_loss() -> None:
    random = np.random.default_rng(0)
    shapes = {"text.down": (5, 4), "text.up": (4, 5), "image.down": (5, 4), "image.up": (4, 5)}
    parameters = {name: random.normal(size=shape) for name, shape in shapes.items()}
    inputs = {"text": random.normal(size=(3, 5)), "image": random.normal(size=(6, 5))}
    weights = np.array([[1, 0, 0, -2, 0, 2.5], [0, 0, -1, 0, 0, 0], [0, 3, 0, 0, 0, 0]])
    options = TrainingOptions(temperature=0.5, mix=0.4)
    _, gradients = use_loss_and_gradients(parameters, inputs, weights, options)  # type: ignore[arg-type]
    for name, value in parameters.items():
        for place in np.ndindex(*value.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = {**parameters, name: value.copy()}
                moved[name][place] += step
                ends.append(use_loss_and_gradients(moved, inputs, weights, options)[0])  # type: ignore[arg-type]
            assert gradients[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


def test_no_record_and_one_that_counts_nothing_change_nothing(tmp_path: Path) -> None:
    uses = made_uses(40, 5)
    assert uses.scaled(0) is None
    nothing = replace(uses, weights=0 * uses.weights)
    plain, same, other = (
        fit_adapter(request(uses), tmp_path / str(number)).adapter.manifest.space_id
        for number, uses in enumerate((None, nothing, uses))
    )
    assert plain == same, "the space digests every tensor"
    assert plain != other


def test_what_people_opened_makes_other_queries_like_it_better_and_harms_none(tmp_path: Path) -> None:
    """They contradict the untrained ranking, always in the same way: queries that training never saw gain by it."""
    fitted = fit_adapter(request(made_uses(150, 3)), tmp_path)
    use = fitted.use_rise
    assert use is not None
    assert use.queries == 30
    assert use.after > use.before + 0.1
    assert use.rise.low > 0
    other, images = made_uses(60, 4), made_pairs(60, 2).images
    towers = fitted.adapter.text, fitted.adapter.image
    before, after = (np.mean(use_ranks(other, images, *towers) <= 10) for towers in ((), towers))
    assert after > before + 0.1
    plain = fit_adapter(request(), tmp_path / "plain")
    apart = (np.mean(use_ranks(other, images, *(plain.adapter.text, plain.adapter.image)) <= 10), before)
    assert after > max(apart) + 0.1, "it is the record that did it"
    rise = fitted.adapter.manifest.rise
    assert rise is not None
    assert rise > 0, "what adopt asks for"


def test_not_this_sinks_for_its_query_and_stays_for_others() -> None:
    """Ten photos are said not to be what a text of theirs looks for: they sink there, and their other texts still find them."""
    train, photos = made_pairs(150, 1), np.arange(20, 40, 2)
    queries = 2 * photos
    places, weights = np.stack([np.arange(10), np.arange(10)], axis=1), np.full(10, -5, np.float32)
    uses = UseVectors(tuple(map(str, queries)), train.text_vectors[queries], train.images[photos], places, weights)
    without = replace(train, pairs=train.pairs[~np.isin(train.pairs[:, 1], photos)])
    plain, taught = AdapterTraining(16, OPTIONS), AdapterTraining(16, OPTIONS)
    for _ in range(20):
        plain.run_epoch(without)
        taught.run_epoch(without, uses)

    def ahead(training: AdapterTraining, texts: IntArray) -> IntArray:
        text, image = training.projections()
        scores = text.apply(train.text_vectors[texts]) @ image.apply(train.images).T
        return np.sum(scores > scores[np.arange(len(texts)), photos][:, None], axis=1)

    sunk = ahead(taught, queries) - ahead(plain, queries)
    assert np.all(sunk >= 0)
    assert np.median(sunk) >= 5
    assert np.median(ahead(taught, queries + 1) - ahead(plain, queries + 1)) < np.median(sunk) / 2


def test_a_query_that_means_nothing_is_never_measured(tmp_path: Path) -> None:
    uses = made_uses(60, 3)
    uses = replace(uses, weights=np.where(np.arange(60) % 2, uses.weights, -uses.weights))
    assert uses.answered.tolist() == list(range(1, 60, 2))
    fitted = fit_adapter(request(uses), tmp_path)
    assert fitted.use_rise is not None
    assert fitted.use_rise.queries == 6


def test_few_queries_are_all_learned_from(tmp_path: Path) -> None:
    assert fit_adapter(request(made_uses(24, 3)), tmp_path).use_rise is None


def test_a_part_holds_its_queries_and_their_photos_alone() -> None:
    uses = UseVectors(
        ("一", "二", "三"),
        np.eye(3, dtype=np.float32),
        np.arange(4, dtype=np.float32)[:, None],
        np.array([[0, 0], [2, 1], [2, 3], [1, 2], [2, 0]]),
        np.array([1, 2, 3, 4, -5], np.float32),
    )
    part: UseVectors = uses.of_queries(np.array([0, 2]))
    places: list[IntArray] = part.right_answers()
    assert part.texts == ("一", "三")
    assert part.images[:, 0].tolist() == [0, 1, 3]
    assert part.pairs.tolist() == [[0, 0], [1, 1], [1, 2], [1, 0]]
    assert [sorted(one.tolist()) for one in places] == [[0], [1, 2]]


def test_what_tells_of_photos_that_are_measured_on_is_not_learned_from(tmp_path: Path) -> None:
    """Or the recall that adopt asks for would be of photos that training has been told of."""
    asked = request()
    answers = asked.valid
    blurred = unit(answers.images + 0.06 * np.random.default_rng(0).normal(size=answers.images.shape))  # as of a thumbnail
    told = UseVectors(
        tuple(f"问{one}" for one in range(len(answers.texts))),
        answers.text_vectors,
        blurred,
        answers.pairs,
        np.full(len(answers.pairs), 50, np.float32),
    )
    plain, same = (
        fit_adapter(replace(asked, uses=uses), tmp_path / str(number)).adapter.manifest.space_id
        for number, uses in enumerate((None, told))
    )
    assert plain == same
    seen: list[UseVectors | None] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AdapterTraining, "run_epoch", lambda _, pairs, uses: seen.append(uses) or 0.0)
        of_train = replace(told, images=asked.train.images[:60])
        try_candidate(asked.train, OPTIONS, most_epochs=1, uses=of_train)
    assert len(seen) == 3
    assert all(uses is not None and 0 < len(uses.images) < 60 for uses in seen), "nor of those that a trial is measured on"
    assert sum(60 - len(uses.images) for uses in seen if uses is not None) >= 60
    both = made_uses(10, 3)
    mixed = UseVectors(
        ("远", "近"), both.text_vectors[:2], np.stack([both.images[0], blurred[0]]), np.array([[0, 0], [1, 1]]), both.weights[:2]
    )
    apart = mixed.apart_from(answers.images)
    assert apart is not None
    assert (apart.texts, apart.pairs.tolist()) == (("远",), [[0, 0]])
