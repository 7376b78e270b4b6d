"""``python -m soutu_services.embedding`` as a person or the house starts it, with the real lite model."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import grpc
import numpy as np
import pytest
from soutu.embedding.v1 import embedding_pb2 as pb
from soutu.embedding.v1 import embedding_pb2_grpc

from patience import PATIENCE

READY = re.compile(r"ready on (\S+)")
METRICS = re.compile(r"metrics on (\S+)")


def environment(**settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOUTU_")}
    defaults = {"LISTEN": "127.0.0.1:0", "METRICS_LISTEN": "127.0.0.1:0", "MODELS": "lite", "THREADS": "2"}
    ours = {f"SOUTU_EMBEDDING_{name}": value for name, value in {**defaults, **settings}.items()}
    return {**kept, **ours, "SOUTU_LANGUAGE": "en"}


def fails(**settings):
    """Start the service with settings that cannot do; return what it says."""
    ended = subprocess.run(
        [sys.executable, "-m", "soutu_services.embedding"],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


@pytest.fixture(scope="module")
def lite():
    """The running service: its process, address, metrics address and log."""
    process = subprocess.Popen(
        [sys.executable, "-m", "soutu_services.embedding"], env=environment(), stderr=subprocess.PIPE, text=True
    )
    watchdog = threading.Timer(2 * PATIENCE, process.kill)
    watchdog.start()
    log = []
    for line in process.stderr:
        log.append(line)
        if READY.search(line):
            break
    watchdog.cancel()
    text = "".join(log)
    assert READY.search(text), text
    yield process, READY.search(text)[1], METRICS.search(text)[1], text
    if process.poll() is None:
        process.kill()
    process.wait(PATIENCE)
    process.stderr.close()


@pytest.fixture(scope="module")
def stub(lite):
    with grpc.insecure_channel(lite[1]) as channel:
        yield embedding_pb2_grpc.EmbeddingServiceStub(channel)


def vectors(results):
    return np.stack([np.frombuffer(result.embedding, "<f4") for result in results])


def test_says_in_one_line_where_it_is_ready_with_what(lite):
    lines = [line for line in lite[3].splitlines() if "ready on" in line]
    assert len(lines) == 1
    assert "lite" in lines[0]


def test_embeds_texts_and_images_into_one_space(stub, picture):
    model = stub.ListModels(pb.ListModelsRequest(), timeout=PATIENCE).models[0]
    texts = stub.EmbedTexts(pb.EmbedTextsRequest(texts=["雪地里的狗", "一只小狗在雪里", "办公室的电脑"]), timeout=PATIENCE)
    images = stub.EmbedImages(pb.EmbedImagesRequest(images=[picture(), b"broken"]), timeout=PATIENCE)
    assert texts.space_id == images.space_id == model.space_id
    embedded = np.concatenate([vectors(texts.results), vectors(images.results[:1])])
    assert embedded.shape == (4, model.dimension)
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-3)
    assert embedded[0] @ embedded[1] > embedded[0] @ embedded[2] + 0.1
    assert images.results[1].error.reason == pb.ITEM_ERROR_REASON_NOT_AN_IMAGE


def test_a_batch_gives_the_same_vectors_as_one_by_one(stub, picture):
    images = [picture((10 * i, 200 - 10 * i, 90), (30 + i, 40)) for i in range(12)]
    together = vectors(
        stub.EmbedImages(pb.EmbedImagesRequest(images=images, priority=pb.PRIORITY_BULK), timeout=PATIENCE).results
    )
    alone = [vectors(stub.EmbedImages(pb.EmbedImagesRequest(images=[image]), timeout=PATIENCE).results)[0] for image in images]
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-4)


def test_metrics_tell_of_queues_and_passes(lite, stub):
    stub.EmbedTexts(pb.EmbedTextsRequest(texts=["狗"]), timeout=PATIENCE)
    with urllib.request.urlopen(f"http://{lite[2]}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    for name in ("queue_items", "batch_items", "forward_seconds", "items_total"):
        assert f"soutu_embedding_{name}" in text


def test_a_port_in_use_is_one_clear_line(lite):
    assert lite[1] in fails(LISTEN=lite[1])


def test_a_metrics_port_in_use_is_one_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert address in fails(METRICS_LISTEN=address)


def test_a_model_that_is_not_there_is_one_clear_line(tmp_path):
    fails(MODELS=f"onnx:{tmp_path}/nothing")
    assert "clip:ViT-B-16" in fails(MODELS="big")


def test_wrong_settings_are_one_clear_line():
    assert "SOUTU_EMBEDDING_MAX_BATCH" in fails(MAX_BATCH="many")


def test_stops_cleanly_when_asked(lite):
    process = lite[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert "Traceback" not in process.stderr.read()
