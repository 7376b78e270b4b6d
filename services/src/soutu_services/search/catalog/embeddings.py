"""Spaces and embeddings."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from soutu_services.runtime.errors import FailedPrecondition
from soutu_services.search.catalog.clock import from_milliseconds, now_milliseconds
from soutu_services.search.catalog.contents import refresh_states
from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.filters import filter_condition
from soutu_services.search.catalog.kept_answers import KeptAnswers
from soutu_services.search.catalog.records import EmbeddingBatch, IdArray, Space, StoredEmbeddings
from soutu_services.search.catalog.vectors import decode_vectors, encode_vector, insert_vector, sound_vectors, space_row
from soutu_services.search.model import Filter, FloatArray, UnreadableReason
from soutu_services.search.visibility import Visibility

__all__ = ["Embeddings"]

_SPACE = """
SELECT s.space_id, s.model, s.variant, s.dimension, s.serving,
       (SELECT count(DISTINCT e.photo) FROM embeddings e WHERE e.space = s.id) AS photos
FROM spaces s
"""
# CROSS JOIN keeps the order: begin with the few photos, not with the many embeddings.
_OF_PHOTOS = """
FROM json_each(?) j CROSS JOIN photos p ON p.photo_id = j.value CROSS JOIN embeddings e ON e.photo = p.id AND e.space = ?
"""
_POSTER_LAST = "e.frame_ms = p.poster_ms, e.frame_ms DESC"
_SEARCHABLE = "p.present = 1 AND p.deleted_at IS NULL AND p.state != 'UNREADABLE'"
_MOST_MATCHING = 4
"""Filters whose embeddings' ids are kept: 8 bytes for each id."""


class Embeddings:
    """The embeddings of the catalog. An embedding's id is its row's number and never given twice. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._matching: KeptAnswers[tuple[str, Filter, Visibility], IdArray] = KeptAnswers(database, _MOST_MATCHING)

    def register_space(self, space_id: str, *, model: str, variant: str, dimension: int) -> Space:
        """Make a space known; one that is known takes over the new model name and variant. The first one serves.

        Raises:
            FailedPrecondition: the space is known with another dimension.
        """
        with self._database.write() as writer:
            writer.execute(
                "INSERT INTO spaces (space_id, model, variant, dimension, serving, registered_at, served_at) "
                "SELECT :space_id, :model, :variant, :dimension, first, :now, CASE WHEN first THEN :now END "
                "FROM (SELECT NOT EXISTS (SELECT 1 FROM spaces WHERE serving = 1) AS first) WHERE true "
                "ON CONFLICT (space_id) DO UPDATE SET model = excluded.model, variant = excluded.variant",
                {"space_id": space_id, "model": model, "variant": variant, "dimension": dimension, "now": now_milliseconds()},
            )
            if space_row(writer, space_id)["dimension"] != dimension:
                raise FailedPrecondition(
                    "DIMENSION_DIFFERS",
                    zh="同一向量空间的向量长度前后不一致，请检查向量服务使用的模型",
                    en="the space had another embedding length before; check which model the embedding service runs",
                )
            return _space(writer.execute(f"{_SPACE} WHERE s.space_id = ?", (space_id,)).fetchone())

    def spaces(self) -> list[Space]:
        """List the spaces, in the order they were registered."""
        with self._database.read() as reader:
            return [_space(row) for row in reader.execute(f"{_SPACE} ORDER BY s.id")]

    def serving_space(self) -> Space | None:
        """Tell from which space queries are answered; None while no space is registered."""
        with self._database.read() as reader:
            row = reader.execute("SELECT *, 0 AS photos FROM spaces WHERE serving = 1").fetchone()
            return _space(row) if row else None

    def space_before(self) -> Space | None:
        """Tell which space served before the one that does; None if none did, or it was removed."""
        with self._database.read() as reader:
            row = reader.execute(
                f"{_SPACE} WHERE s.serving = 0 AND s.served_at IS NOT NULL ORDER BY s.served_at DESC LIMIT 1"
            ).fetchone()
            return _space(row) if row else None

    def dimension(self, space_id: str) -> int:
        """Tell the length of a space's embeddings.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.read() as reader:
            return int(space_row(reader, space_id)["dimension"])

    def set_serving_space(self, space_id: str) -> None:
        """Answer queries from another space. The state of photos follows: READY are those embedded in it.

        UNREADABLE are those that its model refused; what only the model before refused is so no more.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.write() as writer:
            row = space_row(writer, space_id)
            if row["serving"]:
                return
            writer.execute("UPDATE spaces SET serving = 0 WHERE serving = 1")
            writer.execute(  # later than any before, whatever the clock says: the last one is the way back
                "UPDATE spaces SET serving = 1, served_at = max(?, (SELECT coalesce(max(served_at), 0) + 1 FROM spaces)) "
                "WHERE id = ?",
                (now_milliseconds(), row["id"]),
            )
            model_failed = UnreadableReason.MODEL_FAILED.value
            writer.execute("UPDATE photos SET unreadable_reason = NULL WHERE unreadable_reason = ?", (model_failed,))
            writer.execute(
                "UPDATE photos SET unreadable_reason = ? WHERE unreadable_reason IS NULL "
                "AND id IN (SELECT photo FROM refusals WHERE space = ?)",
                (model_failed, row["id"]),
            )
            refresh_states(writer)

    def put(
        self, space_id: str, photo_ids: Sequence[str], vectors: FloatArray, frames_ms: Sequence[int] = ()
    ) -> StoredEmbeddings:
        """Store embeddings of photos, replacing those that differ, in one transaction.

        Args:
            space_id: Their space.
            photo_ids: Whole ids, each once, or once for each frame of a video; those the library does not have are reported, not
                refused.
            vectors: float32, shape (len(photo_ids), dimension).
            frames_ms: Times of the frames that they are of, in milliseconds; none: all are of pictures.

        Raises:
            FailedPrecondition: the space is not registered or has another dimension.
            ValueError: a vector is not finite or has no length.
        """
        ids: list[int] = []
        stored: list[bytes] = []
        replaced: list[int] = []
        unknown: list[str] = []
        with self._database.write() as writer:
            space = space_row(writer, space_id)
            for photo_id, vector, frame_ms in zip(photo_ids, vectors, frames_ms or [0] * len(photo_ids), strict=True):
                photo = writer.execute("SELECT id FROM photos WHERE photo_id = ?", (photo_id,)).fetchone()
                if photo is None:
                    unknown.append(photo_id)
                    continue
                blob = encode_vector(vector)
                gone = writer.execute(
                    "DELETE FROM embeddings WHERE photo = ? AND space = ? AND frame_ms = ? AND vector != ? RETURNING id",
                    (photo["id"], space["id"], frame_ms, blob),
                ).fetchall()
                replaced.extend(row[0] for row in gone)
                ids.append(insert_vector(writer, photo["id"], space, vector, frame_ms=frame_ms))
                stored.append(blob)
            of_ids = "SELECT id FROM photos WHERE photo_id IN (SELECT value FROM json_each(?))"
            given = json.dumps(list(photo_ids))
            no_more = writer.execute(f"DELETE FROM refusals WHERE space = ? AND photo IN ({of_ids})", (space["id"], given))
            if no_more.rowcount and space["serving"]:
                writer.execute(
                    f"UPDATE photos SET unreadable_reason = NULL WHERE unreadable_reason = ? AND id IN ({of_ids})",
                    (UnreadableReason.MODEL_FAILED.value, given),
                )
            refresh_states(writer, of_ids, (given,))
            return StoredEmbeddings(
                ids=np.array(ids, dtype=np.int64),
                vectors=decode_vectors(stored, space["dimension"]),
                replaced=np.array(replaced, dtype=np.int64),
                unknown=tuple(unknown),
            )

    def iterate(self, space_id: str, *, batch_size: int = 4096, shown_only: bool = False) -> Iterator[EmbeddingBatch]:
        """Read all embeddings of a space in batches, by photo id if only those of shown photos are asked for, else by id.

        Args:
            space_id: The space.
            batch_size: Embeddings a batch.
            shown_only: Leave out deleted photos and those without a present object.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.read() as reader:
            space = space_row(reader, space_id)
        order = "p.photo_id, e.id" if shown_only else "e.id"
        shown = "p.present = 1 AND p.deleted_at IS NULL" if shown_only else "1"
        position: tuple[object, ...] = ("", 0) if shown_only else (0,)
        while True:
            with self._database.read() as reader:  # one at a time: a long read would keep the write-ahead log from shrinking
                rows = reader.execute(
                    "SELECT e.id, p.photo_id, e.frame_ms, e.vector FROM embeddings e JOIN photos p ON p.id = e.photo "
                    f"WHERE e.space = ? AND {shown} "
                    f"AND ({order}) > ({', '.join('?' * len(position))}) ORDER BY {order} LIMIT ?",
                    (space["id"], *position, batch_size),
                ).fetchall()
            if not rows:
                return
            position = (rows[-1]["photo_id"], rows[-1]["id"]) if shown_only else (rows[-1]["id"],)
            yield EmbeddingBatch(
                ids=np.array([row["id"] for row in rows], dtype=np.int64),
                photo_ids=tuple(row["photo_id"] for row in rows),
                frames_ms=tuple(row["frame_ms"] for row in rows),
                vectors=decode_vectors([row["vector"] for row in rows], space["dimension"]),
            )

    def all_ids(self, space_id: str) -> IdArray:
        """List the ids of all embeddings of a space: int64, in order.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.read() as reader:
            space = space_row(reader, space_id)
            row = reader.execute("SELECT group_concat(id) FROM embeddings WHERE space = ?", (space["id"],)).fetchone()
            return np.sort(np.fromstring(row[0] or "", dtype=np.int64, sep=","))

    def by_ids(self, space_id: str, ids: IdArray) -> tuple[IdArray, FloatArray]:
        """Read embeddings of a space: those of the ids that are there, in order, and float32 of shape (m, dimension), normalised.

        What is no vector, after damage to the file, is left out.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.read() as reader:
            space = space_row(reader, space_id)
            rows = reader.execute(
                "SELECT e.id, e.vector FROM json_each(?) j CROSS JOIN embeddings e ON e.id = j.value "
                "WHERE e.space = ? AND length(e.vector) = ? ORDER BY e.id",
                (json.dumps(ids.tolist()), space["id"], 2 * space["dimension"]),
            ).fetchall()
        found = np.array([row["id"] for row in rows], dtype=np.int64)
        stored = [row["vector"] for row in rows]
        sound = sound_vectors(stored, space["dimension"])
        return found[sound], decode_vectors([stored[at] for at in sound], space["dimension"])

    def vectors(self, space_id: str, photo_ids: Sequence[str]) -> dict[str, FloatArray]:
        """Read the embeddings of photos, of a video that of its poster: float32, shape (dimension,), normalised.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.read() as reader:
            space = space_row(reader, space_id)
            rows = reader.execute(
                f"SELECT p.photo_id, e.vector {_OF_PHOTOS} ORDER BY {_POSTER_LAST}", (json.dumps(list(photo_ids)), space["id"])
            ).fetchall()
        vectors = decode_vectors([row["vector"] for row in rows], space["dimension"])
        return {row["photo_id"]: vector for row, vector in zip(rows, vectors, strict=True)}

    def ids_matching(self, space_id: str, photo_filter: Filter, visibility: Visibility) -> IdArray:
        """List the ids of the embeddings, in a space, of searchable photos that pass a filter and may be seen: int64, read-only.

        Looking at each of many photos takes longer than all else of a search, and people ask again with the same filter: the last
        answers are kept until the catalog changes.

        Raises:
            FailedPrecondition: the space is not registered.
            InvalidInput: the filter cannot be right.
        """
        return self._matching.get(
            (space_id, photo_filter, visibility), lambda: self._find_matching(space_id, photo_filter, visibility)
        )

    def _find_matching(self, space_id: str, photo_filter: Filter, visibility: Visibility) -> IdArray:
        condition, parameters = filter_condition(photo_filter, visibility)
        with self._database.read() as reader:
            space = space_row(reader, space_id)
            row = reader.execute(  # one long text costs far less than a row for each of 100,000 ids
                "SELECT group_concat(e.id) FROM photos p JOIN embeddings e ON e.photo = p.id AND e.space = :space "
                f"WHERE {_SEARCHABLE} AND {condition}",
                {**parameters, "space": space["id"]},
            ).fetchone()
        ids = np.fromstring(row[0] or "", dtype=np.int64, sep=",")
        ids.setflags(write=False)
        return ids

    def photos_of(self, ids: Sequence[int] | IdArray) -> dict[int, str]:
        """Map ids of embeddings to their photos' ids; those of photos that are not searchable are left out."""
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT e.id, p.photo_id FROM json_each(?) j JOIN embeddings e ON e.id = j.value "
                f"JOIN photos p ON p.id = e.photo WHERE {_SEARCHABLE}",
                (json.dumps([int(value) for value in ids]),),
            )
            return {row[0]: row[1] for row in rows}

    def ids_of(self, space_id: str, photo_ids: Sequence[str]) -> dict[int, str]:
        """Map the ids of the embeddings that photos have in a space to the photos' ids, whatever the photos' state.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.read() as reader:
            space = space_row(reader, space_id)
            rows = reader.execute(f"SELECT e.id, p.photo_id {_OF_PHOTOS}", (json.dumps(list(photo_ids)), space["id"]))
            return {row[0]: row[1] for row in rows}

    def poster_ids(self, space_id: str, photo_ids: Sequence[str]) -> dict[str, int]:
        """Map photos to the ids of their embeddings in a space, of a video to that of its poster.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.read() as reader:
            space = space_row(reader, space_id)
            given = (json.dumps(list(photo_ids)), space["id"])
            rows = reader.execute(f"SELECT p.photo_id, e.id {_OF_PHOTOS} ORDER BY {_POSTER_LAST}", given)
            return {row[0]: row[1] for row in rows}

    def frames_of(self, ids: Sequence[int]) -> dict[int, int]:
        """Map ids of embeddings of videos to the times of their frames, in milliseconds; those of pictures are left out."""
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT e.id, e.frame_ms FROM json_each(?) j CROSS JOIN embeddings e ON e.id = j.value "
                "CROSS JOIN photos p ON p.id = e.photo WHERE p.frames != ''",
                (json.dumps(list(ids)),),
            )
            return {row[0]: row[1] for row in rows}

    def videos(self, photo_ids: Sequence[str]) -> set[str]:
        """Tell which of some photos are videos that several frames stand for."""
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT p.photo_id FROM json_each(?) j CROSS JOIN photos p ON p.photo_id = j.value WHERE p.frames != ''",
                (json.dumps(list(photo_ids)),),
            )
            return {row[0] for row in rows}

    def waiting(self) -> tuple[int, datetime | None]:
        """Count the shown photos that wait to be embedded into the space that serves, and tell since when the first does."""
        with self._database.read() as reader:
            row = reader.execute(
                "SELECT count(*), min(pending_since) FROM photos INDEXED BY photos_waiting "
                "WHERE state = 'PENDING' AND present = 1 AND deleted_at IS NULL"
            ).fetchone()
            return row[0], from_milliseconds(row[1]) if row[1] is not None else None

    def pending(self, space_id: str, limit: int, *, after_id: int = 0) -> list[tuple[int, str]]:
        """List (position, photo id) of shown photos that have been read but lack an embedding in a space, the oldest first.

        Photos that the space's model refused are left out.

        Args:
            space_id: The space.
            limit: How many at most.
            after_id: Only photos with a greater position, to page through what is already under way.

        Raises:
            FailedPrecondition: the space is not registered.
        """
        with self._database.read() as reader:
            space = space_row(reader, space_id)
            shown = "p.present = 1 AND p.deleted_at IS NULL AND p.read_at IS NOT NULL AND p.id > ?"
            if space["serving"]:  # the state says it, and the few that wait have an index of their own
                rows = reader.execute(
                    "SELECT p.id, p.photo_id FROM photos p INDEXED BY photos_pending "
                    f"WHERE {shown} AND p.state = 'PENDING' ORDER BY p.id LIMIT ?",
                    (after_id, limit),
                )
            else:
                rows = reader.execute(
                    f"SELECT p.id, p.photo_id FROM photos p WHERE {shown} "
                    "AND (p.unreadable_reason IS NULL OR p.unreadable_reason = ?) "
                    "AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.photo = p.id AND e.space = ?) "
                    "AND NOT EXISTS (SELECT 1 FROM refusals r WHERE r.photo = p.id AND r.space = ?) ORDER BY p.id LIMIT ?",
                    (after_id, UnreadableReason.MODEL_FAILED.value, space["id"], space["id"], limit),
                )
            return [(row[0], row[1]) for row in rows]


def _space(row: sqlite3.Row) -> Space:
    return Space(
        space_id=row["space_id"],
        model=row["model"],
        variant=row["variant"],
        dimension=row["dimension"],
        serving=bool(row["serving"]),
        photos=row["photos"],
    )
