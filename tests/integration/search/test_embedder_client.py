"""The client of the embedding service over real gRPC, against a service that can be made to misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc
import numpy as np
import pytest
from soutu.embedding.v1 import embedding_pb2, embedding_pb2_grpc

from loopback_ports import free_address
from patience import PATIENCE, eventually
from soutu_services.runtime.errors import (
    REASON_METADATA_KEY,
    DeadlinePassed,
    FailedPrecondition,
    InvalidInput,
    Overloaded,
    Unavailable,
)
from soutu_services.search.catalog import Catalog
from soutu_services.search.embedder import (
    Embedded,
    Embedder,
    EmbedderTimeouts,
    EmbeddingModel,
    Malformed,
    NotEmbedded,
    Outcome,
    SpaceChanged,
    VectorsMalformed,
)
from soutu_services.search.embedding_link import EmbeddingLink
from soutu_services.search.ingest.gate import Gate
from soutu_services.search.model import UnreadableReason

DIMENSION = 4
PATIENT = EmbedderTimeouts(models_seconds=PATIENCE, interactive_seconds=PATIENCE, bulk_seconds=PATIENCE)


class Service(embedding_pb2_grpc.EmbeddingServiceServicer):
    """Embeds an item by its first byte, once it ``may_answer``; fails as it is told to; knows how long each call may take."""

    def __init__(self, space_id: str = "space-a") -> None:
        self.space_id = space_id
        self.answered_space = ""
        self.batches: list[list[bytes]] = []
        self.priorities: list[int] = []
        self.models_asked = 0
        self.failures: list[tuple[grpc.StatusCode, str]] = []
        self.vector: Callable[[bytes], bytes] = self.unit
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.seconds_left: list[float | None] = []
        self.message_bytes = 1024 * 1024

    @staticmethod
    def unit(item: bytes) -> bytes:
        raw = np.array([1 + item[0], 2, 3, 4], dtype=np.float32)
        return (raw / np.linalg.norm(raw)).astype("<f4").tobytes()

    def ListModels(self, request: object, context: grpc.ServicerContext) -> embedding_pb2.ListModelsResponse:  # noqa: N802
        self.models_asked += 1
        self.seconds_left.append(context.time_remaining())
        limits = embedding_pb2.Limits(batch_items=3, message_bytes=self.message_bytes, text_characters=50, image_bytes=100_000)
        model = embedding_pb2.Model(space_id=self.space_id, variant="v", name="tiny", dimension=DIMENSION, limits=limits)
        halves = [[embedding_pb2.TOWER_TEXT], [embedding_pb2.TOWER_IMAGE]]
        other = embedding_pb2.Model(space_id="space-other", dimension=7)
        models = [embedding_pb2.Model(towers=towers) for towers in halves]
        for half in models:
            half.MergeFrom(model)
        return embedding_pb2.ListModelsResponse(models=[*models, other])

    def EmbedTexts(  # noqa: N802
        self, request: embedding_pb2.EmbedTextsRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.EmbedTextsResponse:
        results = self._results(request, [text.encode() for text in request.texts], context)
        return embedding_pb2.EmbedTextsResponse(space_id=self.answered_space or request.space_id, variant="v", results=results)

    def EmbedImages(  # noqa: N802
        self, request: embedding_pb2.EmbedImagesRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.EmbedImagesResponse:
        results = self._results(request, list(request.images), context)
        return embedding_pb2.EmbedImagesResponse(space_id=self.answered_space or request.space_id, variant="v", results=results)

    def _results(
        self,
        request: embedding_pb2.EmbedTextsRequest | embedding_pb2.EmbedImagesRequest,
        items: list[bytes],
        context: grpc.ServicerContext,
    ) -> list[embedding_pb2.ItemResult]:
        self.batches.append(items)
        self.priorities.append(request.priority)
        self.seconds_left.append(context.time_remaining())
        self.may_answer.wait(PATIENCE)
        if self.failures:
            status, reason = self.failures.pop(0)
            context.set_trailing_metadata(((REASON_METADATA_KEY, reason),))
            context.abort(status, "told to fail")
        if request.space_id != self.space_id:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not served")
        return [self._result(item) for item in items]

    def _result(self, item: bytes) -> embedding_pb2.ItemResult:
        if item == b"broken":
            error = embedding_pb2.ItemError(reason=embedding_pb2.ITEM_ERROR_REASON_BROKEN_IMAGE, message="damaged")
            return embedding_pb2.ItemResult(error=error)
        return embedding_pb2.ItemResult(embedding=self.vector(item))


def serve(service: Service, stack: ExitStack, address: str = "") -> tuple[str, Callable[[], None]]:
    address = address or free_address()
    pool = ThreadPoolExecutor(4)
    server = grpc.server(pool, options=[("grpc.max_receive_message_length", 64 << 20), ("grpc.so_reuseport", 0)])
    embedding_pb2_grpc.add_EmbeddingServiceServicer_to_server(service, server)
    server.add_insecure_port(address)
    server.start()

    def stop() -> None:
        service.may_answer.set()
        server.stop(0).wait()
        pool.shutdown()

    stack.callback(stop)
    return address, stop


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as running:
        yield running


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def embedder(service: Service, stack: ExitStack) -> Embedder:
    address, _ = serve(service, stack)
    made = Embedder(address, timeouts=PATIENT)
    stack.callback(made.close)
    return made


Linked = tuple[EmbeddingLink, EmbeddingModel]


def start_link(service: Service, stack: ExitStack, folder: Path, on_connected: Callable[[], None]) -> EmbeddingLink:
    address, _ = serve(service, stack)
    catalog = stack.enter_context(Catalog.open(folder / "catalog.db"))
    gate = Gate(first_seconds=0.05, most_seconds=0.1)
    link = EmbeddingLink(catalog, Embedder(address, timeouts=PATIENT), gate, adopt=False, on_connected=on_connected)
    link.start()
    stack.callback(link.stop)
    return link


@pytest.fixture
def linked(service: Service, stack: ExitStack, tmp_path: Path) -> Linked:
    connected = threading.Event()
    link = start_link(service, stack, tmp_path, connected.set)
    assert connected.wait(PATIENCE)
    model = link.model
    assert model is not None
    return link, model


def vector_of(outcome: object) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    assert isinstance(outcome, Embedded)
    return outcome.vector


def test_describes_the_default_space_and_both_its_towers(embedder: Embedder) -> None:
    model = embedder.model()
    assert (model.space_id, model.dimension, model.name) == ("space-a", DIMENSION, "tiny")
    assert model.has_texts
    assert model.has_images


def test_asks_for_the_model_once(embedder: Embedder, service: Service) -> None:
    for _ in range(3):
        embedder.model()
    embedder.embed_images([b"a"])
    assert service.models_asked == 1


def test_embeds_images_in_order_in_batches_within_the_limits(embedder: Embedder, service: Service) -> None:
    images = [bytes([number]) for number in range(8)]
    outcomes = embedder.embed_images(images)
    assert [len(batch) for batch in service.batches] == [3, 3, 2]
    for image, outcome in zip(images, outcomes, strict=True):
        np.testing.assert_array_equal(vector_of(outcome), np.frombuffer(Service.unit(image), "<f4"))
    assert isinstance(outcomes[0], Embedded)
    assert (outcomes[0].space_id, outcomes[0].variant) == ("space-a", "v")
    assert vector_of(outcomes[0]).dtype == np.float32


def test_no_request_is_larger_than_a_message(embedder: Embedder, service: Service) -> None:
    images = [bytes([number]) * 400_000 for number in range(5)]
    assert len(embedder.embed_images(images)) == 5
    assert [len(batch) for batch in service.batches] == [2, 2, 1]


def test_one_broken_item_spoils_no_other(embedder: Embedder) -> None:
    good, broken, last = embedder.embed_images([b"a", b"broken", b"c"])
    assert isinstance(good, Embedded)
    assert broken == NotEmbedded(UnreadableReason.BROKEN, "damaged")
    assert isinstance(last, Embedded)


def test_tells_the_service_who_waits(embedder: Embedder, service: Service) -> None:
    embedder.embed_texts(["a"])
    embedder.embed_images([b"a"])
    embedder.embed_images([b"a"], interactive=True)
    interactive, bulk = embedding_pb2.PRIORITY_INTERACTIVE, embedding_pb2.PRIORITY_BULK
    assert service.priorities == [interactive, bulk, interactive]


def test_remembers_texts_even_while_the_service_is_away(service: Service, stack: ExitStack) -> None:
    address, stop = serve(service, stack)
    embedder = Embedder(address, timeouts=PATIENT, cached_texts=2)
    stack.callback(embedder.close)
    first = vector_of(embedder.embed_texts(["狗", "狗", "猫"])[0])
    assert service.batches == [["狗".encode(), "猫".encode()]]
    stop()
    np.testing.assert_array_equal(vector_of(embedder.embed_texts(["狗"])[0]), first)
    with pytest.raises(Unavailable):
        embedder.embed_texts(["雪"])


@pytest.mark.parametrize(
    "vector",
    [
        np.array([3, 4, 0, 0], "<f4"),
        np.array([np.nan, 1, 0, 0], "<f4"),
        np.array([np.inf, 1, 0, 0], "<f4"),
        np.zeros(4, "<f4"),
        np.array([1, 0, 0], "<f4"),
        np.array([1, 0, 0, 0, 0], "<f4"),
    ],
    ids=["not normalised", "nan", "infinite", "zero", "short", "long"],
)
def test_refuses_a_vector_that_cannot_be_compared(
    embedder: Embedder, service: Service, vector: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> None:
    service.vector = lambda item: vector.tobytes() if item == b"x" else Service.unit(item)
    refused, good = embedder.embed_images([b"x", b"y"])
    assert isinstance(refused, Malformed), "it says nothing of the picture"
    assert isinstance(good, Embedded)


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (grpc.StatusCode.FAILED_PRECONDITION, "TOWER_NOT_LOADED", FailedPrecondition),
        (grpc.StatusCode.INVALID_ARGUMENT, "", InvalidInput),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", DeadlinePassed),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "", Overloaded),
    ],
)
def test_a_query_that_is_not_answered_does_not_stop_the_ingest(
    linked: Linked, service: Service, status: grpc.StatusCode, reason: str, expected: type[Exception]
) -> None:
    link, model = linked
    service.failures = [(status, reason)]
    with pytest.raises(expected):
        link.embed_text("狗", space_id="space-a")
    assert (link.model, link.problem.en) == (model, "")
    service.failures = [(status, reason)]
    with pytest.raises(expected):
        link.embed_bulk([b"a"])
    assert link.model == model
    assert isinstance(link.embed_bulk([b"a"])[0], Embedded)
    assert link.problem.en == ""


def test_a_query_that_finds_the_service_gone_stops_the_ingest(linked: Linked, service: Service) -> None:
    link, _ = linked
    service.failures = [(grpc.StatusCode.UNAVAILABLE, "")] * 3
    with pytest.raises(Unavailable):
        link.embed_text("狗", space_id="space-a")
    assert link.problem.en or link.model is not None  # a probe may have found it again


def test_vectors_that_are_none_are_the_services_problem(linked: Linked, service: Service) -> None:
    link, model = linked
    service.vector = lambda item: b"\0" * 4
    with pytest.raises(VectorsMalformed):
        link.embed_bulk([b"a", b"b"])
    assert "not valid" in link.problem.en
    with pytest.raises(Unavailable):
        link.embed_text("狗", space_id="space-a")
    assert link.model == model
    service.vector = Service.unit
    link.embed_bulk([b"a"])
    assert link.problem.en == ""


def test_the_watch_outlives_what_follows_from_a_connection_and_repeats_it(
    service: Service, stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soutu_services.search.embedding_link._PROBE_SECONDS", 0.05)
    calls: list[int] = []
    probes: list[int] = []
    done = threading.Event()
    look_up = Embedder.model

    def counted(embedder: Embedder) -> EmbeddingModel:
        probes.append(1)
        return look_up(embedder)

    monkeypatch.setattr(Embedder, "model", counted)

    def told() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("an index that cannot be made")
        done.set()

    start_link(service, stack, tmp_path, told)
    assert done.wait(PATIENCE)
    told_after = len(probes)
    eventually(lambda: len(probes) > told_after + 2)
    assert len(calls) == 2, "once it is known it is not told again"


def test_refuses_vectors_of_another_space(embedder: Embedder, service: Service) -> None:
    embedder.model()
    service.answered_space = "space-b"
    with pytest.raises(SpaceChanged):
        embedder.embed_images([b"a"])


def test_a_service_that_comes_back_with_another_model_is_refused(stack: ExitStack) -> None:
    address, stop = serve(Service("space-a"), stack)
    embedder = Embedder(address, timeouts=PATIENT)
    stack.callback(embedder.close)
    embedder.embed_images([b"a"])
    stop()
    serve(Service("space-b"), stack, address)
    with pytest.raises(SpaceChanged) as caught:
        wait_for(lambda: embedder.embed_images([b"a"]))
    assert caught.value.text.zh
    assert caught.value.text.en


def test_serves_the_space_it_was_told_or_none(service: Service, stack: ExitStack) -> None:
    address, _ = serve(service, stack)
    embedder = Embedder(address, timeouts=PATIENT, space_id="space-z")
    stack.callback(embedder.close)
    with pytest.raises(SpaceChanged):
        embedder.model()


def test_goes_on_when_the_service_comes_back(stack: ExitStack) -> None:
    address, stop = serve(Service(), stack)
    embedder = Embedder(address, timeouts=PATIENT)
    stack.callback(embedder.close)
    embedder.embed_images([b"a"])
    stop()
    with pytest.raises(Unavailable) as caught:
        embedder.embed_images([b"a"])
    assert address not in caught.value.text.zh + caught.value.text.en
    serve(Service(), stack, address)
    assert isinstance(wait_for(lambda: embedder.embed_images([b"a"]))[0], Embedded)


def test_sends_again_what_was_unavailable_and_nothing_else(embedder: Embedder, service: Service) -> None:
    service.failures = [(grpc.StatusCode.UNAVAILABLE, "STOPPING")]
    assert isinstance(embedder.embed_images([b"a"])[0], Embedded)
    assert len(service.batches) == 2
    service.failures = [(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL")]
    with pytest.raises(Overloaded):
        embedder.embed_images([b"a"])
    assert len(service.batches) == 3


def test_says_that_a_tower_is_not_loaded(embedder: Embedder, service: Service) -> None:
    service.failures = [(grpc.StatusCode.FAILED_PRECONDITION, "TOWER_NOT_LOADED")]
    with pytest.raises(FailedPrecondition) as caught:
        embedder.embed_images([b"a"])
    assert caught.value.reason == "TOWER_NOT_LOADED"


def test_every_call_has_a_deadline(service: Service, stack: ExitStack) -> None:
    address, _ = serve(service, stack)
    timeouts = EmbedderTimeouts(models_seconds=PATIENCE, interactive_seconds=0.2, bulk_seconds=PATIENCE)
    embedder = Embedder(address, timeouts=timeouts)
    stack.callback(embedder.close)
    embedder.model()
    service.may_answer.clear()
    with pytest.raises(DeadlinePassed):
        embedder.embed_texts(["a"])
    service.may_answer.set()
    assert isinstance(embedder.embed_images([b"a"])[0], Embedded)
    of_models, *_, of_bulk = service.seconds_left
    assert of_models is not None and of_models > timeouts.interactive_seconds
    assert of_bulk is not None and of_bulk > timeouts.interactive_seconds


def test_threads_share_a_client(embedder: Embedder) -> None:
    barrier = threading.Barrier(4)

    def embed(number: int) -> bool:
        barrier.wait(PATIENCE)
        outcomes = embedder.embed_images([bytes([number])] * 4)
        return all((vector_of(outcome) == np.frombuffer(Service.unit(bytes([number])), "<f4")).all() for outcome in outcomes)

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(embed, range(4)))


def wait_for(call: Callable[[], list[Outcome]]) -> list[Outcome]:
    """Repeat a call until the service is found again."""

    def outcomes() -> list[Outcome]:
        try:
            return call()
        except Unavailable:
            return []

    return eventually(outcomes)
