"""Prometheus metrics of what the search service does. How the library is, ``library_metrics`` tells."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

__all__ = ["DECODER_DEATHS", "DISK_REFUSALS", "QUERY_SECONDS", "QUERY_STAGE_SECONDS", "STAGE_SECONDS"]

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120)

STAGE_SECONDS = Histogram(
    "soutu_ingest_stage_seconds",
    "Seconds of one stage of the ingest: read, decode, thumbnail (writing it) of an object; fetch, embed, store of a batch.",
    ["stage"],
    buckets=_SECONDS,
)
QUERY_SECONDS = Histogram("soutu_query_seconds", "Seconds of a search, embedding its terms included.", buckets=_SECONDS)
QUERY_STAGE_SECONDS = Histogram(
    "soutu_query_stage_seconds",
    "Seconds of one stage of a search: picture (decoding it), embed, words, index, hydrate (reading the page's photos).",
    ["stage"],
    buckets=_SECONDS,
)
DECODER_DEATHS = Counter("soutu_decoder_deaths_total", "Picture decoders that died over a picture, by how.", ["how"])
DISK_REFUSALS = Counter("soutu_disk_full_total", "Times that the library's disk did not take what the catalog wrote.")

for _stage in ("read", "decode", "thumbnail", "fetch", "embed", "store"):
    STAGE_SECONDS.labels(_stage)  # there from the start, so that a rate over the first ones can be told
for _stage in ("picture", "embed", "words", "index", "hydrate"):
    QUERY_STAGE_SECONDS.labels(_stage)
