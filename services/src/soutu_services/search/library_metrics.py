"""Prometheus metrics of the library's state, read when they are asked for: they are right even if nothing has happened since."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from soutu_services.runtime.language import Text
from soutu_services.search.catalog import Catalog
from soutu_services.search.embedding_link import EmbeddingLink
from soutu_services.search.model import JobKind, JobState

__all__ = ["LibraryMetrics"]

_logger = logging.getLogger(__name__)

_OPEN_STATES = (JobState.RUNNING, JobState.PAUSED)


class LibraryMetrics(Collector):
    """Tells Prometheus how the library is, from the moment it is registered until it is removed.

    Args:
        catalog: The catalog.
        link: The embedding services.
        data_folder: Folder whose disk is told of.
        sources: Names of the sources.
        index: Tells how the index searches, and how many vectors it holds.
        waiting: Tells how many items are queued or under way, by stage.
        source_problems: Tells what keeps which source from being read.
        problems: Tells what is wrong with which part of the service; an empty text: nothing.
    """

    def __init__(
        self,
        catalog: Catalog,
        link: EmbeddingLink,
        *,
        data_folder: Path,
        sources: Iterable[str],
        index: Callable[[], tuple[str, int]],
        waiting: Callable[[], Mapping[str, int]],
        source_problems: Callable[[], Mapping[str, Text]],
        problems: Callable[[], Mapping[str, Text]],
    ) -> None:
        self._catalog = catalog
        self._link = link
        self._data_folder = data_folder
        self._sources = tuple(sources)
        self._index = index
        self._waiting = waiting
        self._source_problems = source_problems
        self._problems = problems
        self._is_registered = False

    def register(self) -> None:
        """Begin to tell."""
        REGISTRY.register(self)
        self._is_registered = True

    def remove(self) -> None:
        """Tell no more; no harm if it never began."""
        if self._is_registered:
            REGISTRY.unregister(self)
            self._is_registered = False

    def describe(self) -> Iterable[Metric]:
        """Name nothing in advance: the registry would ask the catalog for it."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Tell how the library is now. What cannot be told is left out: the rest of the metrics is needed all the more then."""
        for part in (self._library, self._syncs, self._jobs, self._embedders, self._index_and_queues, self._wrongs, self._disk):
            try:
                yield from part()
            except Exception as error:  # noqa: BLE001 - whatever it is, the rest goes on
                _logger.warning("some metrics cannot be told now: %r", error)

    def _library(self) -> Iterable[Metric]:
        counts = self._catalog.counts()
        photos = GaugeMetricFamily("soutu_photos", "Photos by state; deleted ones are in the recycle bin.", labels=["state"])
        states = {"ready": counts.ready, "pending": counts.pending, "unreadable": counts.unreadable, "deleted": counts.deleted}
        for state, number in states.items():
            photos.add_metric([state], number)
        return (
            photos,
            _gauge(
                "soutu_pending_photos",
                "Photos and objects that wait to be read or embedded.",
                counts.pending + counts.unread_objects,
            ),
            _gauge(
                "soutu_objects", "Objects that are present in the sources, those that are no photos included.", counts.objects
            ),
        )

    def _syncs(self) -> Iterable[Metric]:
        synced = GaugeMetricFamily(
            "soutu_last_sync_timestamp_seconds", "When a source was last read to its end, since 1970.", labels=["source"]
        )
        for name, moment in self._catalog.jobs.synced_times().items():
            if name in self._sources:
                synced.add_metric([name], moment.timestamp())
        return (synced,)

    def _jobs(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily("soutu_jobs", "Jobs that are not over, by kind and state.", labels=["kind", "state"])
        found = Counter((job.kind, job.state) for job in self._catalog.jobs.unfinished())
        for kind, state in product(JobKind, _OPEN_STATES):
            jobs.add_metric([kind.value.lower(), state.value.lower()], found[kind, state])
        return (jobs,)

    def _embedders(self) -> Iterable[Metric]:
        up = GaugeMetricFamily(
            "soutu_embedder_up", "Whether an embedding service can be used (1) or not (0).", labels=["service"]
        )
        up.add_metric(["main"], self._link.away_since is None)
        if self._link.has_text_service:
            up.add_metric(["text"], self._link.text_away_since is None)
        return (up,)

    def _index_and_queues(self) -> Iterable[Metric]:
        queue = GaugeMetricFamily("soutu_ingest_queue", "Items that are queued or under way, by stage.", labels=["stage"])
        for stage, items in self._waiting().items():
            queue.add_metric([stage], items)
        return queue, _gauge("soutu_index_vectors", "Vectors in the index that answers queries.", self._index()[1])

    def _wrongs(self) -> Iterable[Metric]:
        of_sources = GaugeMetricFamily("soutu_source_problem", "Whether a source cannot be read now (1).", labels=["source"])
        wrong = self._source_problems()
        for name in self._sources:
            of_sources.add_metric([name], name in wrong)
        of_parts = GaugeMetricFamily(
            "soutu_problem",
            "Whether something is wrong (1) with the store, the catalog or thumbnails (ingest), or the embedding.",
            labels=["part"],
        )
        for part, text in self._problems().items():
            of_parts.add_metric([part], bool(text.en))
        return of_sources, of_parts

    def _disk(self) -> Iterable[Metric]:
        disk = shutil.disk_usage(self._data_folder)
        return (
            _gauge("soutu_data_disk_free_bytes", "Free bytes on the disk of the data folder.", disk.free),
            _gauge("soutu_data_disk_bytes", "Size in bytes of the disk of the data folder.", disk.total),
        )


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value)
