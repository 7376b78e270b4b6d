"""The client of the embedding service over real gRPC, against a service that can be made to misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import grpc
import numpy as np
import pytest
from soutu.embedding.v1 import embedding_pb2

from faulty_embedder import DIMENSION, PATIENT, FaultyEmbedder, serve_embedder
from patience import PATIENCE, eventually
from soutu_services.runtime.errors import DeadlinePassed, FailedPrecondition, Overloaded, Unavailable
from soutu_services.search.embedder import Embedder, EmbedderTimeouts
from soutu_services.search.embedding_errors import EmbedderFailed, SpaceChanged, VectorsMalformed
from soutu_services.search.embedding_model import Embedded, EmbeddingModel, Malformed, NotEmbedded, Outcome
from soutu_services.search.model import UnreadableReason


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as running:
        yield running


@pytest.fixture
def service() -> FaultyEmbedder:
    return FaultyEmbedder()


@pytest.fixture
def embedder(service: FaultyEmbedder, stack: ExitStack) -> Embedder:
    address, _ = serve_embedder(service, stack)
    made = Embedder(address, timeouts=PATIENT)
    stack.callback(made.close)
    return made


@pytest.fixture
def model(embedder: Embedder) -> EmbeddingModel:
    return embedder.models()[0]


def vector_of(outcome: object) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    assert isinstance(outcome, Embedded)
    return outcome.vector


def test_describes_the_default_space_and_both_its_towers(embedder: Embedder) -> None:
    model, other = embedder.models()
    assert other.space_id == "space-other"
    assert (model.space_id, model.dimension, model.name) == ("space-a", DIMENSION, "tiny")
    assert model.has_texts
    assert model.has_images


def test_embeds_images_in_order_in_batches_within_the_limits(
    embedder: Embedder, model: EmbeddingModel, service: FaultyEmbedder
) -> None:
    images = [bytes([number]) for number in range(8)]
    outcomes = embedder.embed_images(images, model)
    assert [len(batch) for batch in service.batches] == [3, 3, 2]
    for image, outcome in zip(images, outcomes, strict=True):
        np.testing.assert_array_equal(vector_of(outcome), np.frombuffer(FaultyEmbedder.unit(image), "<f4"))
    assert isinstance(outcomes[0], Embedded)
    assert (outcomes[0].space_id, outcomes[0].variant) == ("space-a", "v")
    assert vector_of(outcomes[0]).dtype == np.float32


def test_no_request_is_larger_than_a_message(embedder: Embedder, model: EmbeddingModel, service: FaultyEmbedder) -> None:
    images = [bytes([number]) * 400_000 for number in range(5)]
    assert len(embedder.embed_images(images, model)) == 5
    assert [len(batch) for batch in service.batches] == [2, 2, 1]


def test_one_broken_item_spoils_no_other(embedder: Embedder, model: EmbeddingModel) -> None:
    good, broken, last = embedder.embed_images([b"a", b"broken", b"c"], model)
    assert isinstance(good, Embedded)
    assert broken == NotEmbedded(UnreadableReason.BROKEN, "damaged")
    assert isinstance(last, Embedded)


def test_tells_the_service_who_waits(embedder: Embedder, model: EmbeddingModel, service: FaultyEmbedder) -> None:
    embedder.embed_texts(["a"], model)
    embedder.embed_images([b"a"], model)
    embedder.embed_images([b"a"], model, interactive=True)
    interactive, bulk = embedding_pb2.PRIORITY_INTERACTIVE, embedding_pb2.PRIORITY_BULK
    assert service.priorities == [interactive, bulk, interactive]


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
    embedder: Embedder, model: EmbeddingModel, service: FaultyEmbedder, vector: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> None:
    service.vector = lambda item: vector.tobytes() if item == b"x" else FaultyEmbedder.unit(item)
    refused, good = embedder.embed_images([b"x", b"y"], model)
    assert isinstance(refused, Malformed), "it says nothing of the picture"
    assert isinstance(good, Embedded)


def test_refuses_vectors_of_another_space(embedder: Embedder, model: EmbeddingModel, service: FaultyEmbedder) -> None:
    service.answered_space = "space-b"
    with pytest.raises(SpaceChanged):
        embedder.embed_images([b"a"], model)


def test_goes_on_when_the_service_comes_back(stack: ExitStack) -> None:
    address, stop = serve_embedder(FaultyEmbedder(), stack)
    embedder = Embedder(address, timeouts=PATIENT)
    stack.callback(embedder.close)
    model = embedder.models()[0]
    embedder.embed_images([b"a"], model)
    stop()
    with pytest.raises(Unavailable) as caught:
        embedder.embed_images([b"a"], model)
    assert address not in caught.value.text.zh + caught.value.text.en
    serve_embedder(FaultyEmbedder(), stack, address)
    assert isinstance(wait_for(lambda: embedder.embed_images([b"a"], model))[0], Embedded)


def test_sends_again_what_was_unavailable_and_nothing_else(
    embedder: Embedder, model: EmbeddingModel, service: FaultyEmbedder
) -> None:
    service.failures = [(grpc.StatusCode.UNAVAILABLE, "STOPPING")]
    assert isinstance(embedder.embed_images([b"a"], model)[0], Embedded)
    assert len(service.batches) == 2
    service.failures = [(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL")]
    with pytest.raises(Overloaded):
        embedder.embed_images([b"a"], model)
    assert len(service.batches) == 3


@pytest.mark.parametrize("status", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED])
def test_an_error_of_the_service_is_not_taken_for_its_absence(
    embedder: Embedder, model: EmbeddingModel, service: FaultyEmbedder, status: grpc.StatusCode
) -> None:
    service.failures = [(status, "")]
    with pytest.raises(EmbedderFailed, match="see its log"):
        embedder.embed_images([b"a"], model)


def test_an_answer_with_too_few_results_is_refused_whole(
    embedder: Embedder, model: EmbeddingModel, service: FaultyEmbedder
) -> None:
    service.results_missing = 1
    with pytest.raises(VectorsMalformed):
        embedder.embed_images([b"a", b"b"], model)


def test_what_waits_for_an_answer_ends_when_the_connection_is_left(service: FaultyEmbedder, stack: ExitStack) -> None:
    address, _ = serve_embedder(service, stack)
    embedder = Embedder(address, timeouts=EmbedderTimeouts(PATIENCE, 10 * PATIENCE, 10 * PATIENCE))
    stack.callback(embedder.close)
    model = embedder.models()[0]
    service.may_answer.clear()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(embedder.embed_images, [b"a"], model)
        eventually(lambda: service.batches)
        embedder.reconnect()
        assert isinstance(waiting.exception(PATIENCE), Unavailable)
    service.may_answer.set()
    assert isinstance(embedder.embed_images([b"a"], model)[0], Embedded)


def test_says_that_a_tower_is_not_loaded(embedder: Embedder, model: EmbeddingModel, service: FaultyEmbedder) -> None:
    service.failures = [(grpc.StatusCode.FAILED_PRECONDITION, "TOWER_NOT_LOADED")]
    with pytest.raises(FailedPrecondition) as caught:
        embedder.embed_images([b"a"], model)
    assert caught.value.reason == "TOWER_NOT_LOADED"


def test_every_call_has_a_deadline(service: FaultyEmbedder, stack: ExitStack) -> None:
    address, _ = serve_embedder(service, stack)
    timeouts = EmbedderTimeouts(models_seconds=PATIENCE, interactive_seconds=0.2, bulk_seconds=PATIENCE)
    embedder = Embedder(address, timeouts=timeouts)
    stack.callback(embedder.close)
    model = embedder.models()[0]
    service.may_answer.clear()
    with pytest.raises(DeadlinePassed):
        embedder.embed_texts(["a"], model)
    service.may_answer.set()
    assert isinstance(embedder.embed_images([b"a"], model)[0], Embedded)
    of_models, *_, of_bulk = service.seconds_left
    assert of_models is not None and of_models > timeouts.interactive_seconds
    assert of_bulk is not None and of_bulk > timeouts.interactive_seconds


def test_threads_share_a_client(embedder: Embedder, model: EmbeddingModel) -> None:
    barrier = threading.Barrier(4)

    def embed(number: int) -> bool:
        barrier.wait(PATIENCE)
        outcomes = embedder.embed_images([bytes([number])] * 4, model)
        return all(
            (vector_of(outcome) == np.frombuffer(FaultyEmbedder.unit(bytes([number])), "<f4")).all() for outcome in outcomes
        )

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
