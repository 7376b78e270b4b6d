"""The benchmark's vectors look like real ones."""

from __future__ import annotations

import numpy as np

from bench.index.world import PERCENTILES, REAL, World, describe

MOST_OFF = 0.11
"""Largest difference of a cosine at any percentile."""
MOST_OFF_IN_THE_MIDDLE = 0.065


def test_generated_vectors_look_like_those_of_lite() -> None:
    told = describe(*World().sample(photos=866, texts=2000))
    assert told.keys() == REAL.keys()
    middle = PERCENTILES.index(50)
    for name, real in REAL.items():
        off = np.abs(np.array(told[name]) - real)
        assert off.max() <= MOST_OFF, (name, told[name], real)
        assert off[middle] <= MOST_OFF_IN_THE_MIDDLE, (name, told[name], real)


def test_generated_vectors_are_the_same_each_time_and_as_the_catalog_stores_them() -> None:
    one, other = (np.concatenate(list(World().blocks(9000))) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert one.shape == (9000, 512)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6)
    assert np.abs(one[:10] @ one[8192:8202].T).max() < 0.999, "blocks differ"
    texts = World().texts(50, photos=9000)
    np.testing.assert_array_equal(texts, World().texts(50, photos=9000))
