"""What the embedding service answers, over real gRPC."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
from soutu.embedding.v1 import embedding_pb2 as pb

from patience import PATIENCE, eventually
from soutu_services.embedding.encoder import Tower
from soutu_services.runtime.errors import FailedPrecondition

ENGLISH = (("accept-language", "en-GB,en;q=0.9"),)
BULK = pb.PRIORITY_BULK
AN_HOUR_IN_MILLISECONDS = 3_600_000


def vector(result):
    assert result.WhichOneof("outcome") == "embedding", result
    return np.frombuffer(result.embedding, "<f4")


def refused(call, code):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is code, caught.value
    return caught.value


def reason(error):
    return dict(error.trailing_metadata())["soutu-reason"]


def test_texts_come_back_as_normalised_little_endian_float32_in_order(house, small_encoder):
    texts = [f"第{i}句" for i in range(10)]
    answer = house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=texts), timeout=PATIENCE)
    assert (answer.space_id, answer.variant) == ("small-space", "test")
    got = np.stack([vector(result) for result in answer.results])
    np.testing.assert_array_equal(got, np.stack([small_encoder._text(text) for text in texts]))
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)


def test_images_come_back_in_order(house, picture):
    images = [picture((250, 0, 0)), picture((0, 250, 0), encoding="BMP"), picture((0, 0, 250), encoding="GIF")]
    answer = house.stub.EmbedImages(pb.EmbedImagesRequest(images=images, priority=BULK), timeout=PATIENCE)
    assert [int(np.argmax(vector(result))) for result in answer.results] == [0, 1, 2]


def test_one_bad_image_fails_alone_with_its_reason(house, picture):
    good = picture()
    images = [good, b"", b"hello, I am text", good[:-30], picture(size=(2000, 1000)), b"x" * 100_001, good]
    answer = house.stub.EmbedImages(pb.EmbedImagesRequest(images=images), timeout=PATIENCE, metadata=ENGLISH)
    assert [result.error.reason for result in answer.results] == [
        0,
        pb.ITEM_ERROR_REASON_EMPTY,
        pb.ITEM_ERROR_REASON_NOT_AN_IMAGE,
        pb.ITEM_ERROR_REASON_BROKEN_IMAGE,
        pb.ITEM_ERROR_REASON_TOO_MANY_PIXELS,
        pb.ITEM_ERROR_REASON_TOO_LARGE,
        0,
    ]
    assert all(result.error.message.isascii() for result in answer.results)
    vector(answer.results[0])
    vector(answer.results[-1])


def test_item_errors_speak_the_language_of_the_call(house):
    request = pb.EmbedTextsRequest(texts=["  "])
    assert "空" in house.stub.EmbedTexts(request, timeout=PATIENCE).results[0].error.message
    assert "empty" in house.stub.EmbedTexts(request, timeout=PATIENCE, metadata=ENGLISH).results[0].error.message


def test_long_and_empty_texts_fail_alone(house):
    answer = house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=["", "字" * 40, "字" * 41]), timeout=PATIENCE)
    assert answer.results[0].error.reason == pb.ITEM_ERROR_REASON_EMPTY
    vector(answer.results[1])
    assert answer.results[2].error.reason == pb.ITEM_ERROR_REASON_TOO_LARGE


def test_an_item_that_fails_the_pass_does_not_fail_its_neighbours(house):
    answer = house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=["狗", "boom", "猫", "nan"], priority=BULK), timeout=PATIENCE)
    assert [result.error.reason for result in answer.results] == [
        0,
        pb.ITEM_ERROR_REASON_MODEL_FAILED,
        0,
        pb.ITEM_ERROR_REASON_MODEL_FAILED,
    ]
    assert "secret" not in str(answer)


def test_a_broken_model_fails_the_call_and_blames_no_item(house):
    house.encoder.broken = True
    error = refused(
        lambda: house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=["狗"]), timeout=PATIENCE), grpc.StatusCode.UNAVAILABLE
    )
    assert reason(error) == "MODEL_BROKEN"
    house.encoder.broken = False
    vector(house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=["狗"]), timeout=PATIENCE).results[0])


def test_a_model_that_fails_its_trial_is_not_served_is_closed_and_its_failure_logged(start_house, small_encoder, caplog):
    good, bad = small_encoder(), small_encoder(space_id="other")
    bad.broken = True
    with pytest.raises(FailedPrecondition) as caught:
        start_house(good, bad)
    assert caught.value.reason == "MODEL_BROKEN"
    assert good.closed
    assert bad.closed
    logged = [record for record in caplog.records if record.name == "soutu_services.embedding.service"]
    assert [record.levelname for record in logged] == ["ERROR"]
    assert "RuntimeError" in caplog.text


def test_lists_models_completely(start_house, small_encoder):
    house = start_house(small_encoder(), small_encoder(space_id="other", towers=frozenset({Tower.TEXT})))
    models = house.stub.ListModels(pb.ListModelsRequest(), timeout=PATIENCE).models
    assert [model.space_id for model in models] == ["small-space", "other"]
    first, second = models
    assert (first.name, first.variant, first.dimension, first.input_size, first.drift) == ("small", "test", 8, 16, 0.25)
    assert list(first.towers) == [pb.TOWER_TEXT, pb.TOWER_IMAGE]
    assert list(second.towers) == [pb.TOWER_TEXT]
    assert {"image/jpeg", "image/heic", "image/webp"} <= set(first.accepted_media_types)
    assert not second.accepted_media_types
    assert first.limits == pb.Limits(
        batch_items=16, image_bytes=100_000, image_pixels=1_000_000, text_characters=40, message_bytes=4 * 1024 * 1024
    )


def test_an_unknown_space_is_refused_with_those_that_are_served(house):
    request = pb.EmbedTextsRequest(texts=["狗"], space_id="nowhere")
    error = refused(lambda: house.stub.EmbedTexts(request, timeout=PATIENCE), grpc.StatusCode.FAILED_PRECONDITION)
    assert reason(error) == "SPACE_NOT_SERVED"
    assert "small-space" in error.details()
    assert "没有" in error.details()


def test_a_tower_that_is_not_loaded_is_refused(start_house, small_encoder, picture):
    house = start_house(small_encoder(towers=frozenset({Tower.TEXT})))
    request = pb.EmbedImagesRequest(images=[picture()])
    error = refused(lambda: house.stub.EmbedImages(request, timeout=PATIENCE), grpc.StatusCode.FAILED_PRECONDITION)
    assert reason(error) == "TOWER_NOT_LOADED"


def test_each_half_of_a_space_may_come_from_another_variant(start_house, small_encoder, picture):
    text, image = small_encoder(towers=frozenset({Tower.TEXT})), small_encoder(towers=frozenset({Tower.IMAGE}))
    house = start_house(text, image)
    vector(house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=["狗"]), timeout=PATIENCE).results[0])
    vector(house.stub.EmbedImages(pb.EmbedImagesRequest(images=[picture()]), timeout=PATIENCE).results[0])
    assert (len(text.passes), len(image.passes)) == (1, 1)


def test_two_models_are_served_side_by_side(start_house, small_encoder):
    house = start_house(small_encoder(), small_encoder(space_id="other"))
    assert house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=["狗"], space_id="other"), timeout=PATIENCE).space_id == "other"
    assert (len(house.encoders[0].passes), len(house.encoders[1].passes)) == (0, 1)


def test_a_request_over_the_item_limit_is_refused_before_work(house):
    request = pb.EmbedTextsRequest(texts=["狗"] * 17)
    error = refused(lambda: house.stub.EmbedTexts(request, timeout=PATIENCE), grpc.StatusCode.INVALID_ARGUMENT)
    assert reason(error) == "TOO_MANY_ITEMS"
    assert house.encoder.passes == []


def test_an_empty_request_has_an_empty_answer(house):
    assert not house.stub.EmbedTexts(pb.EmbedTextsRequest(), timeout=PATIENCE).results


def test_a_person_goes_before_the_bulk_that_waits(house):
    house.encoder.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        held = pool.submit(house.stub.EmbedTexts, pb.EmbedTextsRequest(texts=["first"], priority=BULK), timeout=PATIENCE)
        assert house.encoder.entered.acquire(timeout=PATIENCE)
        bulk = pool.submit(
            house.stub.EmbedTexts,
            pb.EmbedTextsRequest(texts=[f"bulk {i}" for i in range(10)], priority=BULK),
            timeout=PATIENCE,
        )
        eventually(lambda: _depth("text", "bulk") == 10)
        person = pool.submit(house.stub.EmbedTexts, pb.EmbedTextsRequest(texts=["person"]), timeout=PATIENCE)
        eventually(lambda: _depth("text", "interactive") == 1)
        house.encoder.gate.set()
        for call in (held, bulk, person):
            call.result(PATIENCE)
    assert house.encoder.passes[:2] == [["first"], ["person"]]
    assert [len(batch) for batch in house.encoder.passes[2:]] == [4, 4, 2]


def test_a_single_person_does_not_wait_for_a_batch_to_fill(start_house):
    house = start_house(max_batch=64, batch_wait_milliseconds=AN_HOUR_IN_MILLISECONDS)
    for texts in (["狗"], ["猫", "雪"]):
        answer = house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=texts), timeout=PATIENCE)
        assert len(answer.results) == len(texts)


def test_concurrent_callers_share_passes(house):
    house.encoder.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(house.stub.EmbedTexts, pb.EmbedTextsRequest(texts=["a"]), timeout=PATIENCE)]
        assert house.encoder.entered.acquire(timeout=PATIENCE)
        calls += [pool.submit(house.stub.EmbedTexts, pb.EmbedTextsRequest(texts=["b"]), timeout=PATIENCE) for _ in range(4)]
        eventually(lambda: _depth("text", "interactive") == 4)
        house.encoder.gate.set()
        for call in calls:
            call.result(PATIENCE)
    assert [len(batch) for batch in house.encoder.passes] == [1, 4]


def test_a_full_queue_refuses_a_whole_request_and_lets_people_in(start_house):
    house = start_house(queue_items=16)
    house.encoder.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(house.stub.EmbedTexts, pb.EmbedTextsRequest(texts=["first"], priority=BULK), timeout=PATIENCE)]
        assert house.encoder.entered.acquire(timeout=PATIENCE)
        calls.append(pool.submit(house.stub.EmbedTexts, pb.EmbedTextsRequest(texts=["x"] * 10, priority=BULK), timeout=PATIENCE))
        eventually(lambda: _depth("text", "bulk") == 10)
        too_many = pb.EmbedTextsRequest(texts=["y"] * 7, priority=BULK)
        error = refused(lambda: house.stub.EmbedTexts(too_many, timeout=PATIENCE), grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert reason(error) == "QUEUE_FULL"
        calls.append(pool.submit(house.stub.EmbedTexts, pb.EmbedTextsRequest(texts=["person"]), timeout=PATIENCE))
        eventually(lambda: _depth("text", "interactive") == 1)
        house.encoder.gate.set()
        for call in calls:
            call.result(PATIENCE)
    assert not any("y" in batch for batch in house.encoder.passes)


def test_bulk_calls_leave_workers_to_people(start_house):
    house = start_house(bulk_calls=2, workers=4)
    house.encoder.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        bulk = pb.EmbedTextsRequest(texts=["bulk"], priority=BULK)
        calls = [pool.submit(house.stub.EmbedTexts, bulk, timeout=PATIENCE)]
        assert house.encoder.entered.acquire(timeout=PATIENCE)  # or both would go into one pass
        calls.append(pool.submit(house.stub.EmbedTexts, bulk, timeout=PATIENCE))
        eventually(lambda: _depth("text", "bulk") == 1)
        error = refused(lambda: house.stub.EmbedTexts(bulk, timeout=PATIENCE), grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert reason(error) == "TOO_MANY_BULK_CALLS"
        house.encoder.gate.set()
        for call in calls:
            call.result(PATIENCE)


def test_a_passed_deadline_costs_no_pass(house):
    house.encoder.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(house.stub.EmbedTexts, pb.EmbedTextsRequest(texts=["first"]), timeout=PATIENCE)
        assert house.encoder.entered.acquire(timeout=PATIENCE)
        late = pb.EmbedTextsRequest(texts=["late"])
        refused(lambda: house.stub.EmbedTexts(late, timeout=0.2), grpc.StatusCode.DEADLINE_EXCEEDED)
        # What was sent before this call is known to the server once it is answered.
        house.stub.ListModels(pb.ListModelsRequest(), timeout=PATIENCE)
        eventually(lambda: _calls_in_progress("EmbedTexts") == 1)
        house.encoder.gate.set()
        held.result(PATIENCE)
        house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=["after"]), timeout=PATIENCE)
    assert house.encoder.passes == [["first"], ["after"]]


def test_a_cancelled_call_costs_no_pass_and_frees_its_worker(start_house):
    house = start_house(workers=2)
    house.encoder.gate.clear()
    held = house.stub.EmbedTexts.future(pb.EmbedTextsRequest(texts=["first"]), timeout=PATIENCE)
    assert house.encoder.entered.acquire(timeout=PATIENCE)
    left = house.stub.EmbedTexts.future(pb.EmbedTextsRequest(texts=["left"]), timeout=PATIENCE)
    eventually(lambda: _depth("text", "interactive") == 1)
    left.cancel()
    # The freed worker answers this one although the other still holds its own.
    assert house.stub.ListModels(pb.ListModelsRequest(), timeout=PATIENCE).models
    house.encoder.gate.set()
    held.result(PATIENCE)
    house.stub.EmbedTexts(pb.EmbedTextsRequest(texts=["after"]), timeout=PATIENCE)
    assert house.encoder.passes == [["first"], ["after"]]


def test_many_threads_get_each_their_own_vectors(start_house, small_encoder):
    house = start_house(queue_items=400, bulk_calls=8)

    def ask(number: int) -> None:
        texts = [f"{number}/{i}" for i in range(number % 7 + 1)]
        request = pb.EmbedTextsRequest(texts=texts, priority=BULK if number % 2 else pb.PRIORITY_INTERACTIVE)
        answer = house.stub.EmbedTexts(request, timeout=PATIENCE)
        np.testing.assert_array_equal([vector(r) for r in answer.results], [small_encoder._text(t) for t in texts])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(120)))
    eventually(lambda: _depth("text", "bulk") == 0 and _depth("text", "interactive") == 0)


def test_a_graceful_stop_lets_running_calls_end_and_frees_the_model(start_house):
    house = start_house()
    house.encoder.gate.clear()
    call = house.stub.EmbedTexts.future(pb.EmbedTextsRequest(texts=["last"]), timeout=PATIENCE)
    assert house.encoder.entered.acquire(timeout=PATIENCE)
    stopper = threading.Thread(target=house.server.stop)
    stopper.start()
    eventually(lambda: _is_refusing(house))
    house.encoder.gate.set()
    vector(call.result(PATIENCE).results[0])
    stopper.join(PATIENCE)
    assert not stopper.is_alive()
    house.service.close()
    assert house.encoder.closed


def test_closing_the_service_fails_those_who_wait(house):
    house.encoder.gate.clear()
    held = house.stub.EmbedTexts.future(pb.EmbedTextsRequest(texts=["first"]), timeout=PATIENCE)
    assert house.encoder.entered.acquire(timeout=PATIENCE)
    waiting = house.stub.EmbedTexts.future(pb.EmbedTextsRequest(texts=["second"]), timeout=PATIENCE)
    eventually(lambda: _depth("text", "interactive") == 1)
    closer = threading.Thread(target=house.service.close)
    closer.start()
    error = refused(lambda: waiting.result(PATIENCE), grpc.StatusCode.UNAVAILABLE)
    assert reason(error) == "STOPPING"
    house.encoder.gate.set()
    held.result(PATIENCE)
    closer.join(PATIENCE)


def _depth(tower: str, priority: str) -> float:
    from prometheus_client import REGISTRY

    labels = {"model": "small/test", "tower": tower, "priority": priority}
    return REGISTRY.get_sample_value("soutu_embedding_queue_items", labels) or 0.0


def _calls_in_progress(method: str) -> float:
    from prometheus_client import REGISTRY

    labels = {"method": f"/soutu.embedding.v1.EmbeddingService/{method}"}
    return REGISTRY.get_sample_value("soutu_grpc_calls_in_progress", labels) or 0.0


def _is_refusing(house) -> bool:
    try:
        house.stub.ListModels(pb.ListModelsRequest(), timeout=PATIENCE)
    except grpc.RpcError as error:
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return False
