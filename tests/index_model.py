"""What any index does, beside a dictionary of vectors and numpy: for state machines that add what is special to theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from soutu_services.search.model import FloatArray

__all__ = ["index_model", "keep_finding"]


def index_model(some_ids: st.SearchStrategy[list[int]], unit_vectors: Callable[[int, int], FloatArray]) -> type[Any]:
    """Make the part of a state machine that adds to, removes from and searches ``index``, and ``model`` beside it.

    Args:
        some_ids: Lists of ids, each id once.
        unit_vectors: Makes vectors of a seed and a number of them, (number, dimension), as the index gives them back.
    """

    class IndexModel(RuleBasedStateMachine):
        index: Any
        model: dict[int, FloatArray]

        @rule(ids=some_ids, seed=st.integers(0, 1000))
        def add(self, ids: list[int], seed: int) -> None:
            vectors = unit_vectors(seed, len(ids))
            self.index.add(np.array(ids, dtype=np.int64), vectors)
            self.model.update(zip(ids, vectors, strict=True))

        @rule(ids=some_ids)
        def remove(self, ids: list[int]) -> None:
            there = [one for one in ids if one in self.model]
            assert self.index.remove(np.array(ids, dtype=np.int64)) == len(there)
            for one in there:
                del self.model[one]

        @rule(data=st.data())
        def remove_some_that_are_there(self, data: st.DataObject) -> None:
            if self.model:
                self.remove(data.draw(st.lists(st.sampled_from(sorted(self.model)), unique=True)))

        @rule(seed=st.integers(0, 1000), k=st.integers(0, 60), allowed=st.none() | some_ids)
        def search(self, seed: int, k: int, allowed: list[int] | None) -> None:
            query = unit_vectors(seed, 1)[0]
            ids, cosines = self.index.search(query, k, None if allowed is None else np.array(allowed, dtype=np.int64))
            expected = {one: float(vector @ query) for one, vector in self.model.items() if allowed is None or one in allowed}
            assert len(ids) == min(k, len(expected))
            assert set(ids.tolist()) <= set(expected)
            assert len(set(ids.tolist())) == len(ids)
            np.testing.assert_allclose(cosines, [expected[one] for one in ids.tolist()], atol=1e-5)
            np.testing.assert_allclose(cosines, sorted(expected.values(), reverse=True)[: len(ids)], atol=1e-5)

    return IndexModel


def keep_finding(index: Any, known_id: int, vector: FloatArray, stop: threading.Event, problems: list[BaseException]) -> None:
    """Look for a vector that is never removed, on a thread of its own, until ``stop`` is set; a failure goes to ``problems``."""
    try:
        while not stop.is_set():
            ids, cosines = index.search(vector, 1)
            assert ids.tolist() == [known_id], "it is never removed, and nothing is nearer"
            assert cosines[0] > 0.999
    except BaseException as problem:  # noqa: BLE001 - told to the test's own thread
        problems.append(problem)
