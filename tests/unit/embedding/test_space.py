"""Which embeddings may be compared."""

from __future__ import annotations

import numpy as np
import pytest

from soutu_services.embedding.space import space_digest

TENSORS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.float16)}
CENTRE = np.ones(3, np.float32)


def digest(tensors=TENSORS, preprocessing="p-1", **parts):
    return space_digest(tensors, preprocessing=preprocessing, **parts)


def test_is_32_hex_digits_and_always_the_same():
    assert digest() == digest()
    assert len(digest()) == 32
    int(digest(), 16)


def test_order_layout_and_byte_order_of_the_source_do_not_matter():
    weight = TENSORS["a.weight"]
    assert digest(dict(reversed(TENSORS.items()))) == digest()
    assert digest({**TENSORS, "a.weight": np.asfortranarray(weight)}) == digest()
    assert digest({**TENSORS, "a.weight": weight.astype(">f4")}) == digest()


@pytest.mark.parametrize(
    "other",
    [
        {"tensors": {**TENSORS, "a.weight": TENSORS["a.weight"] + 1}},
        {"tensors": {**TENSORS, "a.weight": TENSORS["a.weight"].reshape(3, 2)}},
        {"tensors": {**TENSORS, "a.weight": TENSORS["a.weight"].astype(np.float64)}},
        {"tensors": {"a.weight": TENSORS["a.weight"], "c": TENSORS["b"]}},
        {"preprocessing": "p-2"},
        {"query_centre": CENTRE},
        {"adapter": {"centre": CENTRE}},
    ],
)
def test_whatever_changes_embeddings_changes_the_space(other):
    assert digest(**other) != digest()


def test_a_centre_is_not_an_adapter_of_the_same_bytes():
    assert digest(query_centre=CENTRE) != digest(adapter={"centre": CENTRE})
