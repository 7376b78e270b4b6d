"""Settings of the embedding service."""

from __future__ import annotations

from pathlib import Path

import pytest

from soutu_services.embedding.settings import EmbeddingSettings
from soutu_services.runtime.settings import InvalidSettings, load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith("SOUTU_EMBEDDING_"):
            monkeypatch.delenv(name)


def test_defaults_serve_lite_on_loopback():
    settings = load_settings(EmbeddingSettings)
    assert settings.models == ("lite",)
    assert (settings.listen, settings.metrics_listen) == ("127.0.0.1:8402", "127.0.0.1:8412")
    assert settings.cpu_threads >= 1


@pytest.mark.parametrize("value", ["lite, clip:ViT-B-16 ,onnx:/b", '["lite", "clip:ViT-B-16", "onnx:/b"]'])
def test_models_are_a_list_with_commas_or_json(monkeypatch, value):
    monkeypatch.setenv("SOUTU_EMBEDDING_MODELS", value)
    assert load_settings(EmbeddingSettings).models == ("lite", "clip:ViT-B-16", "onnx:/b")


def test_settings_reach_the_parts(monkeypatch):
    for name, value in {
        "LISTEN": "127.0.0.1:1",
        "MAX_BATCH": "7",
        "BATCH_WAIT_MILLISECONDS": "1.5",
        "QUEUE_ITEMS": "99",
        "MAX_IMAGE_BYTES": "1000",
        "MAX_PIXELS": "2000",
        "MAX_TEXT_CHARACTERS": "30",
        "WORKERS": "6",
        "THREADS": "3",
        "WEIGHTS__FOLDER": "/weights",
        "WEIGHTS__OFFLINE": "true",
    }.items():
        monkeypatch.setenv(f"SOUTU_EMBEDDING_{name}", value)
    settings = load_settings(EmbeddingSettings)
    assert settings.server.listen == "127.0.0.1:1"
    assert settings.server.workers == 6
    assert (settings.batching.max_batch, settings.batching.batch_wait_milliseconds, settings.batching.queue_items) == (7, 1.5, 99)
    limits = settings.request_limits
    assert (limits.image.max_bytes, limits.image.max_pixels, limits.text_characters, limits.bulk_calls) == (1000, 2000, 30, 3)
    assert settings.cpu_threads == 3
    assert (settings.weights.folder, settings.weights.offline) == (Path("/weights"), True)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MODELS", "", "MODELS"),
        ("MODELS", "[lite", "MODELS"),
        ("MAX_BATCH", "0", "MAX_BATCH"),
        ("DEVICE", "tpu", "DEVICE"),
        ("MAX_PIXELS", "1000000000", "MAX_PIXELS"),
        ("QUEUE_ITEMS", "10", "queue_items"),
        ("MAX_MESSAGE_BYTES", "1048576", "max_message_bytes"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL"),
        ("WEIGHTS__HUB", "nowhere", "WEIGHTS__HUB"),
    ],
)
def test_wrong_settings_are_one_clear_line(monkeypatch, name, value, says):
    monkeypatch.setenv(f"SOUTU_EMBEDDING_{name}", value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings(EmbeddingSettings)
    assert says in caught.value.text.en
    assert "\n" not in caught.value.text.en
    assert "pydantic" not in caught.value.text.en
