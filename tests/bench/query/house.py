"""A generated library, kept from one run to the next, and the services over it: ViT-B-16 in int8 embeds the queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.generated_library import fill_catalog, fill_thumbnails
from loopback_ports import free_address
from object_store import ObjectServer, serve_folder
from patience import eventually
from search_process import SearchProcess
from soutu_client import Client
from soutu_services.embedding.bundle_manifest import read_manifest
from soutu_services.search.catalog import Catalog
from soutu_services.search.index import IndexPolicy
from soutu_services.search.library_index import LibraryIndex

__all__ = ["THUMBNAILS", "House", "generated_library", "serving"]

THUMBNAILS = 2000
"""Photos that have one: enough to look at, and few enough to be made soon."""


@dataclass(frozen=True)
class House:
    """Running services: where the search service answers, where its metrics are, and the store of the thumbnails."""

    address: str
    metrics: str
    store: ObjectServer
    programs: dict[str, psutil.Process]


def generated_library(folder: Path, model: Path, photos: int) -> None:
    """Make a library of so many photos in a folder, unless it is there."""
    if (folder / "made").exists():
        return
    (folder / "data").mkdir(parents=True)
    (folder / "s3").mkdir()
    manifest = read_manifest(model)
    with Catalog.open(folder / "data" / "catalog.sqlite3") as catalog:
        catalog.embeddings.register_space(
            manifest.space_id, model="bench", variant=f"onnx-{manifest.precision}", dimension=manifest.dimension
        )
        fill_catalog(catalog, photos)
        index = LibraryIndex(catalog, snapshot=folder / "data" / "index.snapshot", on_made=lambda _: None, policy=IndexPolicy())
        index.load()
        index.save()
    fill_thumbnails(folder / "s3" / "soutu-thumbnails", min(photos, THUMBNAILS))
    (folder / "made").touch()


@contextmanager
def serving(folder: Path, model: Path, photos: int) -> Iterator[House]:
    """Run the services over a library until the block ends."""
    with ExitStack() as stack:
        store = stack.enter_context(serve_folder(folder / "s3"))
        embedding = SearchProcess(
            {
                "SOUTU_EMBEDDING_LISTEN": free_address(),
                "SOUTU_EMBEDDING_METRICS_LISTEN": "",
                "SOUTU_EMBEDDING_MODELS": f"onnx:{model.resolve()}",
            },
            program="soutu_services.embedding",
        )
        stack.callback(embedding.end)
        metrics = free_address()
        search = SearchProcess(
            {
                "SOUTU_SEARCH_LISTEN": free_address(),
                "SOUTU_SEARCH_METRICS_LISTEN": metrics,
                "SOUTU_SEARCH_DATA_FOLDER": str((folder / "data").resolve()),
                "SOUTU_SEARCH_STORE__URL": store.url,
                "SOUTU_SEARCH_STORE__ACCESS_KEY": store.settings.access_key,
                "SOUTU_SEARCH_STORE__SECRET_KEY": store.settings.secret_key.get_secret_value(),
                "SOUTU_SEARCH_EMBEDDING_ADDRESS": embedding.wait_ready(),
                "SOUTU_SEARCH_SYNC__INTERVAL_SECONDS": "0",
            }
        )
        stack.callback(search.end)
        with Client(search.wait_ready(), timeout_seconds=60) as client:
            eventually(lambda: client.status().index.vectors == photos and client.status().embedder.available)
        programs = {"search": psutil.Process(search.popen.pid), "embedding": psutil.Process(embedding.popen.pid)}
        yield House(search.address, metrics, store, programs)
