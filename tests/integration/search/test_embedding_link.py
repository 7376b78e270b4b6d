"""The standing with the embedding services, over real gRPC: each fault of theirs, what is done about it, and what is said."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import grpc
import numpy as np
import pytest

from faulty_embedder import PATIENT, FaultyEmbedder, serve_embedder
from patience import PATIENCE, eventually
from soutu_services.runtime.errors import DeadlinePassed, FailedPrecondition, InvalidInput, Overloaded, SoutuError, Unavailable
from soutu_services.search.catalog import Catalog
from soutu_services.search.embedder import Embedder, EmbedderTimeouts
from soutu_services.search.embedding_errors import VectorsMalformed
from soutu_services.search.embedding_link import EmbeddingLink
from soutu_services.search.embedding_model import Embedded
from soutu_services.search.ingest.gate import Gate

SPACE = "space-a"
QUICK_TO_DOUBT = 0.3
INTERNAL = (grpc.StatusCode.INTERNAL, "")
BUSY = (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL")

Serve = Callable[..., tuple[str, Callable[[], None]]]


class Home:
    """A catalog and the link over one embedding service, or two."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.catalog = stack.enter_context(Catalog.open(folder / "catalog.db"))
        self._stack = stack

    def serve(self, service: FaultyEmbedder, address: str = "") -> tuple[str, Callable[[], None]]:
        return serve_embedder(service, self._stack, address)

    def link(
        self, main: str, text: str = "", *, timeouts: EmbedderTimeouts = PATIENT, connected: Callable[[], None] = lambda: None
    ) -> EmbeddingLink:
        link = EmbeddingLink(
            self.catalog,
            Embedder(main, timeouts=timeouts),
            Embedder(text, timeouts=timeouts) if text else None,
            gate=lambda: Gate(first_seconds=0.05, most_seconds=0.1),
            on_connected=connected,
        )
        self._stack.callback(link.stop)
        link.start()
        return link

    def connected(self, service: FaultyEmbedder) -> EmbeddingLink:
        link = self.link(self.serve(service)[0])
        eventually(lambda: link.model(SPACE))
        return link


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr("soutu_services.search.embedder_watch._PROBE_SECONDS", 0.05)
    with ExitStack() as stack:
        yield Home(tmp_path, stack)


@pytest.fixture
def service() -> FaultyEmbedder:
    return FaultyEmbedder()


def vector(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.frombuffer(FaultyEmbedder.unit(text.encode()), "<f4").astype(np.float32)


def is_embedded(link: EmbeddingLink) -> bool:
    try:
        return isinstance(link.embed_bulk([b"a"], space_id=SPACE)[0], Embedded)
    except SoutuError:
        return False


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (grpc.StatusCode.FAILED_PRECONDITION, "TOWER_NOT_LOADED", FailedPrecondition),
        (grpc.StatusCode.INVALID_ARGUMENT, "", InvalidInput),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", DeadlinePassed),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "", Overloaded),
        (grpc.StatusCode.INTERNAL, "", Unavailable),
    ],
)
def test_a_query_that_is_not_answered_does_not_stop_the_ingest(
    home: Home, service: FaultyEmbedder, status: grpc.StatusCode, reason: str, expected: type[Exception]
) -> None:
    link = home.connected(service)
    service.failures = [(status, reason)]
    with pytest.raises(expected):
        link.embed_text("狗", space_id=SPACE)
    assert link.model(SPACE) is not None
    assert link.problem.en == ""


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"always": INTERNAL}, Unavailable, "see its log"),
        ({"always": BUSY}, Overloaded, "busy"),
        ({"results_missing": 1}, VectorsMalformed, "not valid"),
        ({"vector": lambda item: b"\0" * 12}, VectorsMalformed, "not valid"),
        ({"vector": lambda item: np.full(4, np.nan, "<f4").tobytes()}, VectorsMalformed, "not valid"),
        ({"vector": lambda item: np.full(4, np.inf, "<f4").tobytes()}, VectorsMalformed, "not valid"),
        ({"vector": lambda item: np.zeros(4, "<f4").tobytes()}, VectorsMalformed, "not valid"),
    ],
    ids=["internal error", "busy", "too few results", "wrong dimension", "nan", "infinite", "zero"],
)
def test_a_fault_of_the_service_is_said_while_it_lasts_and_forgotten_when_it_is_over(
    home: Home, service: FaultyEmbedder, fault: dict[str, object], error: type[Exception], words: str
) -> None:
    link = home.connected(service)
    sound = {name: getattr(service, name) for name in fault}
    for name, value in fault.items():
        setattr(service, name, value)
    with pytest.raises(error):
        link.embed_bulk([b"a", b"b"], space_id=SPACE)
    assert words in link.problem.en and link.problem.zh
    assert link.model(SPACE) is not None, "it answers"
    for name, value in sound.items():
        setattr(service, name, value)
    assert isinstance(link.embed_bulk([b"a"], space_id=SPACE)[0], Embedded)
    assert link.problem.en == ""


def test_a_service_that_never_answers_a_batch_is_said_to_be_slow(home: Home, service: FaultyEmbedder) -> None:
    timeouts = EmbedderTimeouts(models_seconds=PATIENCE, interactive_seconds=PATIENCE, bulk_seconds=0.2)
    link = home.link(home.serve(service)[0], timeouts=timeouts)
    eventually(lambda: link.model(SPACE))
    service.may_answer.clear()
    with pytest.raises(DeadlinePassed):
        link.embed_bulk([b"a"], space_id=SPACE)
    assert "too long" in link.problem.en
    service.may_answer.set()
    eventually(lambda: is_embedded(link))
    assert link.problem.en == ""


def test_a_machine_that_falls_asleep_is_noticed_and_nobody_waits_for_it(home: Home, service: FaultyEmbedder) -> None:
    timeouts = SimpleNamespace(models_seconds=PATIENCE, interactive_seconds=10 * PATIENCE, bulk_seconds=10 * PATIENCE)
    link = home.link(home.serve(service)[0], timeouts=timeouts)  # type: ignore[arg-type]
    eventually(lambda: link.model(SPACE))
    with ThreadPoolExecutor(1) as thread:
        service.may_answer.clear()
        waiting = thread.submit(link.embed_bulk, [b"a"], space_id=SPACE)
        eventually(lambda: service.batches)
        timeouts.models_seconds = QUICK_TO_DOUBT  # only now, or a slow machine would pass for one that sleeps
        eventually(lambda: (service.seconds_left[-1] or PATIENCE) <= QUICK_TO_DOUBT)
        service.may_list.clear()
        assert isinstance(waiting.exception(PATIENCE), Unavailable), "it does not wait for its own, long deadline"
    eventually(lambda: link.away_since)
    asked = len(service.batches)
    for ask in (lambda: link.embed_text("狗", space_id=SPACE), lambda: link.embed_image(b"a", space_id=SPACE)):
        with pytest.raises(Unavailable):
            ask()
    assert len(service.batches) == asked, "what is known to sleep is not asked"
    assert "does not answer" in link.problem.en
    timeouts.models_seconds = PATIENCE
    service.may_list.set()
    service.may_answer.set()
    eventually(lambda: is_embedded(link))
    assert link.away_since is None


def test_a_service_that_is_killed_in_a_batch_is_used_again_when_it_is_back(home: Home, service: FaultyEmbedder) -> None:
    address, kill = home.serve(service)
    link = home.link(address)
    eventually(lambda: link.model(SPACE))
    service.may_answer.clear()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(link.embed_bulk, [b"a"], space_id=SPACE)
        eventually(lambda: service.batches)
        service.always = (grpc.StatusCode.UNAVAILABLE, "")  # or it might answer in its last moment
        kill()
        assert isinstance(waiting.exception(PATIENCE), Unavailable)
    eventually(lambda: link.model(SPACE) is None)
    since = link.away_since
    assert since is not None
    home.serve(FaultyEmbedder(), address)
    eventually(lambda: is_embedded(link))


def test_a_query_that_finds_the_service_gone_tells_the_ingest(home: Home, service: FaultyEmbedder) -> None:
    link = home.connected(service)
    service.may_list.clear()  # or it would be found again at once
    asked = service.models_asked
    eventually(lambda: service.models_asked > asked)
    service.failures = [(grpc.StatusCode.UNAVAILABLE, "")] * 3
    with pytest.raises(Unavailable):
        link.embed_text("狗", space_id=SPACE)
    assert link.model(SPACE) is None
    assert link.away_since is not None
    assert "does not answer" in link.problem.en
    with pytest.raises(Unavailable):
        link.embed_bulk([b"a"], space_id=SPACE)
    assert [b"a"] not in service.batches, "the ingest does not ask it"
    service.may_list.set()
    eventually(lambda: is_embedded(link))


def test_remembers_texts_even_while_the_service_is_away(home: Home, service: FaultyEmbedder) -> None:
    address, stop = home.serve(service)
    link = home.link(address)
    eventually(lambda: link.model(SPACE))
    for _ in range(2):
        np.testing.assert_array_equal(link.embed_text("狗", space_id=SPACE), vector("狗"))
    assert service.batches == [["狗".encode()]]
    stop()
    np.testing.assert_array_equal(link.embed_text("狗", space_id=SPACE), vector("狗"))
    with pytest.raises(Unavailable):
        link.embed_text("雪", space_id=SPACE)


def test_remembers_texts_however_they_are_spaced_but_not_for_another_space(home: Home, service: FaultyEmbedder) -> None:
    address, stop = home.serve(service)
    link = home.link(address)
    eventually(lambda: link.model(SPACE))
    for text in ("caf\u00e9 的 狗", " cafe\u0301  的\t狗\n"):
        np.testing.assert_array_equal(link.embed_text(text, space_id=SPACE), vector("caf\u00e9 的 狗"))
    assert service.batches == [["caf\u00e9 的 狗".encode()]]
    stop()
    with pytest.raises(Unavailable):
        link.embed_text("caf\u00e9 的 狗", space_id="f" * 32)


def test_the_watch_outlives_what_follows_from_a_connection_and_repeats_it(home: Home, service: FaultyEmbedder) -> None:
    calls: list[int] = []
    done = threading.Event()

    def told() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("an index that cannot be made")
        done.set()

    home.link(home.serve(service)[0], connected=told)
    assert done.wait(PATIENCE)
    told_after = service.models_asked
    eventually(lambda: service.models_asked > told_after + 2)
    assert len(calls) == 2, "once it is known it is not told again"


def test_another_model_is_noticed_whether_or_not_the_connection_broke_and_the_old_one_when_it_is_back(home: Home) -> None:
    service = FaultyEmbedder()
    link = home.connected(service)
    service.space_id = "space-b"
    eventually(lambda: link.model("space-b"))
    assert link.model(SPACE) is None
    assert "soutu reindex" in link.problem.en and "soutu reindex" in link.problem.zh
    with pytest.raises(Unavailable, match="another model"):
        link.embed_text("狗", space_id=SPACE)
    with pytest.raises(SoutuError, match="another model"):
        link.embed_bulk([b"a"], space_id=SPACE)
    assert isinstance(link.embed_bulk([b"a"], space_id="space-b")[0], Embedded), "a re-index may fill the new space"
    service.space_id = SPACE
    eventually(lambda: link.model(SPACE))
    assert link.problem.en == ""


def test_vectors_of_another_space_than_asked_for_are_refused(home: Home, service: FaultyEmbedder) -> None:
    link = home.connected(service)
    service.answered_space = "space-b"
    with pytest.raises(SoutuError, match="another model"):
        link.embed_bulk([b"a"], space_id=SPACE)
    assert "another model" in link.problem.en


def test_a_model_with_other_dimensions_under_the_same_space_is_refused(home: Home, service: FaultyEmbedder) -> None:
    link = home.connected(service)
    service.dimension = 5
    eventually(lambda: link.model(SPACE) is None)
    assert "embedding length" in link.problem.en
    service.dimension = 4
    eventually(lambda: link.model(SPACE))


def test_words_go_to_the_text_service_and_pictures_to_the_main_one(home: Home, service: FaultyEmbedder) -> None:
    text = FaultyEmbedder(towers="text", variant="small")
    link = home.link(home.serve(service)[0], home.serve(text)[0])
    eventually(lambda: link.model(SPACE) and link.text_model(SPACE))
    np.testing.assert_array_equal(link.embed_text("狗", space_id=SPACE), vector("狗"))
    link.embed_image(b"a", space_id=SPACE)
    link.embed_bulk([b"b"], space_id=SPACE)
    assert text.batches == [["狗".encode()]]
    assert service.batches == [[b"a"], [b"b"]]


def test_either_service_embeds_words_while_the_other_is_away(home: Home, service: FaultyEmbedder) -> None:
    text = FaultyEmbedder(towers="text")
    (main_at, stop_main), (text_at, stop_text) = home.serve(service), home.serve(text)
    link = home.link(main_at, text_at)
    eventually(lambda: link.model(SPACE) and link.text_model(SPACE))
    stop_main()
    eventually(lambda: link.model(SPACE) is None)
    np.testing.assert_array_equal(link.embed_text("狗", space_id=SPACE), vector("狗"))
    with pytest.raises(Unavailable, match="looks at pictures") as caught:
        link.embed_image(b"a", space_id=SPACE)
    assert "\n" not in caught.value.text.en
    home.serve(service, main_at)
    eventually(lambda: link.model(SPACE))
    stop_text()
    np.testing.assert_array_equal(link.embed_text("雪", space_id=SPACE), vector("雪"))
    eventually(lambda: "text embedding service does not answer" in link.text_problem.en)


def test_a_text_service_of_another_space_is_refused_and_said_so(home: Home, service: FaultyEmbedder) -> None:
    text = FaultyEmbedder("space-b", towers="text")
    link = home.link(home.serve(service)[0], home.serve(text)[0])
    eventually(lambda: link.model(SPACE) and "text half" in link.text_problem.en)
    assert link.text_problem.zh
    np.testing.assert_array_equal(link.embed_text("狗", space_id=SPACE), vector("狗"))
    assert (text.batches, service.batches) == ([], [["狗".encode()]])
    assert link.problem.en == "", "the main one is well"


def test_a_text_service_that_changes_its_model_is_refused_until_it_changes_back(home: Home, service: FaultyEmbedder) -> None:
    text = FaultyEmbedder(towers="text")
    link = home.link(home.serve(service)[0], home.serve(text)[0])
    eventually(lambda: link.text_model(SPACE))
    text.space_id = "space-b"
    np.testing.assert_array_equal(link.embed_text("狗", space_id=SPACE), vector("狗"))
    eventually(lambda: "text half" in link.text_problem.en)
    assert service.batches == [["狗".encode()]]
    text.space_id = SPACE
    eventually(lambda: link.text_problem.en == "")


def test_a_main_service_that_changes_its_model_is_refused_while_words_go_on(home: Home, service: FaultyEmbedder) -> None:
    text = FaultyEmbedder(towers="text")
    link = home.link(home.serve(service)[0], home.serve(text)[0])
    eventually(lambda: link.model(SPACE) and link.text_model(SPACE))
    service.space_id = "space-b"
    eventually(lambda: link.model(SPACE) is None)
    assert "another model" in link.problem.en
    np.testing.assert_array_equal(link.embed_text("狗", space_id=SPACE), vector("狗"))
    with pytest.raises(Unavailable, match="another model"):
        link.embed_image(b"a", space_id=SPACE)


def test_a_text_service_gives_an_empty_library_no_space(home: Home, service: FaultyEmbedder) -> None:
    main_at, stop_main = home.serve(service)
    stop_main()
    text = FaultyEmbedder("space-b", towers="text")
    link = home.link(main_at, home.serve(text)[0])
    eventually(lambda: link.text_model("space-b"))
    assert home.catalog.embeddings.spaces() == []
    home.serve(service, main_at)
    eventually(lambda: link.model(SPACE))
    assert [space.space_id for space in home.catalog.embeddings.spaces()] == [SPACE]
    assert "text half" in link.text_problem.en


def test_a_text_service_without_its_text_half_is_said(home: Home, service: FaultyEmbedder) -> None:
    link = home.link(home.serve(service)[0], home.serve(FaultyEmbedder(towers="image"))[0])
    eventually(lambda: link.model(SPACE) and link.text_problem.en)
    assert "has not loaded" in link.text_problem.en
    np.testing.assert_array_equal(link.embed_text("狗", space_id=SPACE), vector("狗"))


def test_words_need_a_text_half_somewhere(home: Home) -> None:
    link = home.connected(FaultyEmbedder(towers="image"))
    with pytest.raises(FailedPrecondition) as caught:
        link.embed_text("狗", space_id=SPACE)
    assert caught.value.reason == "TOWER_NOT_LOADED"
