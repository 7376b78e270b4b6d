"""The search service as a process, over a library that was written into its catalog and its store."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from colour_encoder import ColourServer
from object_store import serve_folder
from patience import eventually
from search_process import SearchProcess
from soutu_client import Client
from soutu_services.search.catalog import Catalog
from soutu_services.search.store import S3Connection

__all__ = ["GeneratedService", "generated_service"]


@dataclass(frozen=True)
class GeneratedService:
    """A running service, which answered ``start_seconds`` after it was begun. ``connection`` leads to its store."""

    address: str
    start_seconds: float
    search_pid: int
    store_pid: int
    connection: S3Connection


@contextmanager
def generated_service(
    folder: Path,
    fill: Callable[[Catalog, S3Connection], None],
    *,
    embedding: str = "",
    settings: Mapping[str, str] | None = None,
) -> Iterator[GeneratedService]:
    """Serve a library until the block ends.

    Args:
        folder: Empty; gets the buckets in ``s3`` and the service's own files in ``data``.
        fill: Called while the service is not there, with its catalog, in which a space is registered, and its store.
        embedding: Address of an embedding service; empty: the tests' small one.
        settings: Environment variables of the service that go over the others.
    """
    with ExitStack() as stack:
        if not embedding:
            colours = ColourServer()
            stack.callback(colours.stop)
            embedding = colours.address
        (folder / "s3").mkdir()
        store = stack.enter_context(serve_folder(folder / "s3"))
        connection = S3Connection(store.settings)
        stack.callback(connection.close)
        environment = {
            "SOUTU_SEARCH_LISTEN": "127.0.0.1:0",
            "SOUTU_SEARCH_METRICS_LISTEN": "",
            "SOUTU_SEARCH_DATA_FOLDER": str(folder / "data"),
            "SOUTU_SEARCH_STORE__URL": store.url,
            "SOUTU_SEARCH_STORE__ACCESS_KEY": store.settings.access_key,
            "SOUTU_SEARCH_STORE__SECRET_KEY": store.settings.secret_key.get_secret_value(),
            "SOUTU_SEARCH_EMBEDDING_ADDRESS": embedding,
            "SOUTU_SEARCH_SYNC__INTERVAL_SECONDS": "0",
            **(settings or {}),
        }
        first = SearchProcess(environment)
        try:
            with Client(first.wait_ready()) as client:
                eventually(lambda: client.status().spaces)
        finally:
            first.end(signal.SIGKILL)
        with Catalog.open(folder / "data" / "catalog.sqlite3") as catalog:
            fill(catalog, connection)
            vectors = catalog.counts().ready
        began = time.perf_counter()
        search = SearchProcess(environment)
        stack.callback(search.end, signal.SIGKILL)
        with Client(search.wait_ready()) as client:
            eventually(lambda: client.status().index.vectors == vectors)
        yield GeneratedService(search.address, time.perf_counter() - began, search.popen.pid, store.process.pid, connection)
