"""Other indexes over the same vectors, each as it is used by its own documentation, at a few of its settings.

Installed by ``make bench`` alone: soutu does not need them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soutu_services.search.index import IndexPolicy, LayeredIndex
from soutu_services.search.index.base import Base

__all__ = ["RIVALS", "Opened"]

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]
Search = Callable[[FloatArray], IdArray]

_K = 10
_SPACE = "front"


@dataclass(frozen=True)
class Opened:
    """An index at one of its settings: what it is called, and how it finds the slots of the ten nearest."""

    setting: str
    search: Search


@dataclass(frozen=True)
class Rival:
    """How an index is made of vectors in a folder, and opened again in another process."""

    build: Callable[[Path, FloatArray], None]
    open: Callable[[Path, int], Iterator[Opened]]


def _soutu(name: str, policy: IndexPolicy) -> Rival:
    def build(folder: Path, vectors: FloatArray) -> None:
        index = LayeredIndex(_SPACE, vectors.shape[1], policy)
        index.add(np.arange(len(vectors)), vectors)
        index.finish_rebuild(index.begin_rebuild(), folder / f"{name}.base")

    def opened(folder: Path, dimension: int) -> Iterator[Opened]:
        base = Base.open(folder / f"{name}.base", _SPACE, dimension, policy)
        index = LayeredIndex(_SPACE, dimension, policy, base)
        yield Opened(index.kind, lambda query: index.search(query, _K)[0])

    return Rival(build, opened)


def _build_usearch(folder: Path, vectors: FloatArray) -> None:
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f16")
    index.add(np.arange(len(vectors), dtype=np.uint64), vectors)
    index.save(str(folder / "usearch"))


def _open_usearch(folder: Path, dimension: int) -> Iterator[Opened]:
    from usearch.index import Index

    index: Any = Index.restore(str(folder / "usearch"), view=True)
    for expansion in (64, 256, 1024, 4096):

        def search(query: FloatArray, expansion: int = expansion) -> IdArray:
            index.expansion_search = expansion
            return np.asarray(index.search(query, _K, threads=1).keys, dtype=np.int64)

        yield Opened(f"float16, mapped, expansion {expansion}", search)


def _build_hnswlib(folder: Path, vectors: FloatArray) -> None:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), ef_construction=200, M=32)
    index.add_items(vectors, np.arange(len(vectors)))
    index.save_index(str(folder / "hnswlib"))


def _open_hnswlib(folder: Path, dimension: int) -> Iterator[Opened]:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=dimension)
    index.load_index(str(folder / "hnswlib"))
    index.set_num_threads(1)
    for ef in (64, 256, 1024, 4096):

        def search(query: FloatArray, ef: int = ef) -> IdArray:
            index.set_ef(ef)
            return np.asarray(index.knn_query(query.reshape(1, -1), _K)[0][0], dtype=np.int64)

        yield Opened(f"M 32, ef {ef}", search)


def _connected(folder: Path) -> Any:
    import apsw  # Python's own sqlite3 is often built without extensions
    import sqlite_vec

    connection = apsw.Connection(str(folder / "sqlite-vec.db"))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    return connection


def _build_sqlite_vec(folder: Path, vectors: FloatArray) -> None:
    connection = _connected(folder)
    size = vectors.shape[1]
    connection.execute(f"CREATE VIRTUAL TABLE photos USING vec0(v float[{size}] distance_metric=cosine, b bit[{size}])")
    for start in range(0, len(vectors), 10_000):
        rows = ((start + at, row.tobytes(), row.tobytes()) for at, row in enumerate(vectors[start : start + 10_000]))
        with connection:
            connection.executemany("INSERT INTO photos (rowid, v, b) VALUES (?, ?, vec_quantize_binary(?))", rows)
    connection.close()


def _open_sqlite_vec(folder: Path, dimension: int) -> Iterator[Opened]:
    connection = _connected(folder)

    def exact(query: FloatArray) -> IdArray:
        rows = connection.execute("SELECT rowid FROM photos WHERE v MATCH ? AND k = ?", (query.tobytes(), _K))
        return np.array([row[0] for row in rows], dtype=np.int64)

    yield Opened("exact, float32", exact)
    for depth in (100, 500):

        def rescored(query: FloatArray, depth: int = depth) -> IdArray:
            rows = connection.execute(
                "WITH near AS (SELECT rowid, v FROM photos WHERE b MATCH vec_quantize_binary(?) AND k = ?) "
                "SELECT rowid FROM near ORDER BY vec_distance_cosine(v, ?) LIMIT ?",
                (query.tobytes(), depth, query.tobytes(), _K),
            )
            return np.array([row[0] for row in rows], dtype=np.int64)

        yield Opened(f"bits, {depth} compared", rescored)


def _build_lancedb(folder: Path, vectors: FloatArray) -> None:
    import lancedb
    import pyarrow

    flat = pyarrow.array(vectors.reshape(-1))
    rows = pyarrow.table(
        {"id": np.arange(len(vectors)), "vector": pyarrow.FixedSizeListArray.from_arrays(flat, vectors.shape[1])}
    )
    table = lancedb.connect(folder / "lancedb").create_table("photos", rows)
    lists = max(1, round(2 * len(vectors) ** 0.5 / 64) * 64)
    table.create_index(
        metric="cosine", index_type="IVF_PQ", num_partitions=lists, num_sub_vectors=vectors.shape[1] // 8, replace=True
    )


def _open_lancedb(folder: Path, dimension: int) -> Iterator[Opened]:
    import lancedb

    table: Any = lancedb.connect(folder / "lancedb").open_table("photos")
    for probes, factor in ((20, 10), (80, 20), (200, 50)):

        def search(query: FloatArray, probes: int = probes, factor: int = factor) -> IdArray:
            asked = table.search(query).distance_type("cosine").limit(_K).nprobes(probes).refine_factor(factor)
            return np.asarray(asked.select(["id"]).to_arrow()["id"].to_numpy(), dtype=np.int64)

        yield Opened(f"IVF-PQ, {probes} probes, refine {factor}", search)


RIVALS = {
    "soutu": _soutu("soutu", IndexPolicy()),
    "soutu (as above 2 million)": _soutu("lists", IndexPolicy(scanned_vectors=0)),
    "usearch": Rival(_build_usearch, _open_usearch),
    "hnswlib": Rival(_build_hnswlib, _open_hnswlib),
    "sqlite-vec": Rival(_build_sqlite_vec, _open_sqlite_vec),
    "LanceDB": Rival(_build_lancedb, _open_lancedb),
}
