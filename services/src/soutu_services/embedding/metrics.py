"""Prometheus metrics of the towers' queues and forward passes."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["BATCH_ITEMS", "FORWARD_SECONDS", "ITEMS", "QUEUE_ITEMS"]

QUEUE_ITEMS = Gauge(
    "soutu_embedding_queue_items",
    "Items admitted and not yet in a forward pass, being prepared or waiting.",
    ["model", "tower", "priority"],
)
BATCH_ITEMS = Histogram(
    "soutu_embedding_batch_items",
    "Items in a forward pass.",
    ["model", "tower", "priority"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
FORWARD_SECONDS = Histogram(
    "soutu_embedding_forward_seconds",
    "Seconds of a forward pass.",
    ["model", "tower", "priority"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ITEMS = Counter(
    "soutu_embedding_items_total",
    "Items by outcome: embedded, refused (the item's own fault), failed (the model's), dropped (nobody waited any more).",
    ["model", "tower", "outcome"],
)
