"""Ingest: what the catalog says is still to be done, done.

Two pumps, each fed by rows of the catalog, so that nothing is lost whenever the process ends:

    objects that wait to be read ──► ReadingPump: read, digest, decode once, thumbnail ──► photo PENDING
    photos PENDING               ──► EmbeddingPump: thumbnails in batches to the embedding service ──► photo READY, in the index
"""
