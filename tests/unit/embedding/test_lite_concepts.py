"""The texts that the lite model is made of, and the files made from them."""

from __future__ import annotations

import importlib.resources

import numpy as np
import pytest

from soutu_services.embedding.lite.concepts import Concepts, class_contexts, class_names, compute_concepts, everyday_sentences
from soutu_services.embedding.lite.sentence_encoder import SentenceEncoder

PACKAGE = importlib.resources.files("soutu_services.embedding.lite")


@pytest.fixture(scope="module")
def sentences() -> SentenceEncoder:
    return SentenceEncoder()


def test_there_are_a_thousand_different_class_names_in_chinese() -> None:
    names = class_names()
    assert len(names) == len(set(names)) == 1000
    for name in names:
        assert name == name.strip()
        assert any("\u4e00" <= character <= "\u9fff" for character in name), name
        assert len(name) <= 12, name


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "丁鱥"),
        (1, "金鱼"),
        (134, "鹤"),  # crane, the bird
        (207, "金毛寻回犬"),
        (263, "柯基犬"),
        (281, "虎斑猫"),
        (388, "大熊猫"),
        (474, "开襟毛衣"),  # cardigan, the garment
        (517, "起重机"),  # crane, the machine
        (726, "木工刨"),  # plane, the tool
        (852, "网球"),
        (985, "雏菊"),
        (999, "卫生纸"),
    ],
)
def test_class_names_are_in_the_order_of_imagenet(number: int, name: str) -> None:
    assert class_names()[number] == name


def test_every_class_has_a_context() -> None:
    assert [number for number, phrases in enumerate(class_contexts()) if not phrases] == []


def test_there_are_hundreds_of_different_everyday_sentences() -> None:
    everyday = everyday_sentences()
    assert len(everyday) == len(set(everyday)) >= 200
    assert all(everyday)


def test_shipped_concepts_are_those_of_the_texts(sentences: SentenceEncoder) -> None:
    shipped, computed = Concepts.load(), compute_concepts(sentences)
    np.testing.assert_allclose(shipped.classes, computed.classes, atol=2e-3)
    np.testing.assert_allclose(shipped.photo_centre, computed.photo_centre, atol=1e-4)
    np.testing.assert_allclose(shipped.query_centre, computed.query_centre, atol=1e-4)


def test_image_model_is_small() -> None:
    assert len((PACKAGE / "image.onnx").read_bytes()) <= 20_000_000
