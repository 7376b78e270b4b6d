"""Prometheus metrics of the search service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["DECODER_DEATHS", "EMBEDDER_UP", "INGEST_WAITING", "LAST_SYNC", "PENDING_PHOTOS", "QUERY_SECONDS", "STAGE_SECONDS"]

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120)

STAGE_SECONDS = Histogram("soutu_ingest_stage_seconds", "Seconds of one stage of the ingest.", ["stage"], buckets=_SECONDS)
QUERY_SECONDS = Histogram("soutu_query_seconds", "Seconds of a search, embedding its terms included.", buckets=_SECONDS)
PENDING_PHOTOS = Gauge("soutu_pending_photos", "Photos and objects that wait to be read or embedded.")
INGEST_WAITING = Gauge("soutu_ingest_queue", "Items that are queued or under way, by stage.", ["stage"])
EMBEDDER_UP = Gauge("soutu_embedder_up", "Whether the embedding service answers.")
LAST_SYNC = Gauge("soutu_last_sync_timestamp_seconds", "When a source was last read to its end, since 1970.", ["source"])
DECODER_DEATHS = Counter("soutu_decoder_deaths_total", "Picture decoders that died over a picture, by how.", ["how"])
