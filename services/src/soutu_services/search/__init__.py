"""Search service: the catalog, the index, ingest and queries. It runs no image model."""
