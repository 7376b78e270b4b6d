"""Finding photos by what is written about them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.filters import Parameters, filter_condition
from soutu_services.search.catalog.records import WordHit
from soutu_services.search.catalog.visible_texts import rank_visible_texts, text_visible
from soutu_services.search.model import Filter, MatchField, WordMatch
from soutu_services.search.visibility import Visibility
from soutu_services.search.words import Grade, QueryWords, TextMatch

__all__ = ["CANDIDATE_TEXTS", "WordSearch"]

CANDIDATE_TEXTS = 1000
"""Texts (names, tags, captions, albums) that one query looks at closely: the best by BM25."""

_FREQUENT_TEXTS = 2000
"""A part of a sentence that more texts than this have would rank its photos behind all that are found by look."""
_TEXTS = "FROM ({best}) AS best CROSS JOIN words w ON w.id = best.rowid CROSS JOIN photos p ON p.id = w.photo"
_SEARCHABLE = "p.present = 1 AND p.deleted_at IS NULL AND p.state != 'UNREADABLE'"


@dataclass(frozen=True, slots=True)
class _Found:
    photo_id: str
    match: TextMatch
    bm25: float
    matches: tuple[WordMatch, ...]


class WordSearch:
    """Searches names, tags, captions and albums. Thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, text: str, photo_filter: Filter, visibility: Visibility, limit: int | None = None) -> list[WordHit]:
        """Find the searchable photos that a text means, best first; ties by photo id.

        Candidates come from FTS5, ranked by BM25; ``search/words.py`` says which of them the text really means. Those that hold
        exactly what was asked for come first and share the first rank, then those that hold all of it, by BM25, then those that
        hold enough of a sentence. What many photos have in common tells little: photos found by the same part of a sentence, or
        by the same single character, all have the last rank among them.

        Args:
            text: The words or the sentence; any text is safe.
            photo_filter: Which photos to consider.
            visibility: What the caller may see. For one who is confined, names elsewhere neither match nor count.
            limit: How many photos at most; None: all that ``CANDIDATE_TEXTS`` leaves.

        Raises:
            InvalidInput: the filter cannot be right.
        """
        words = QueryWords(text)
        if words.is_empty:
            return []
        with self._database.read() as reader:
            if visibility.is_everything:
                rows = self._best_rows(reader, self._expression(reader, words), filter_condition(photo_filter, visibility))
            else:
                asked = filter_condition(photo_filter, visibility, few=True)  # of few: the others are left out before
                rows = self._best_visible_rows(reader, words, visibility, asked)
        found = [one for photo_rows in _by_photo(rows).values() if (one := _judge(words, photo_rows)) is not None]
        return _ranked(found, shared=words.is_one_character)[:limit]

    def photos_with(self, text: str, photo_filter: Filter, visibility: Visibility) -> set[str]:
        """Find all searchable photos that have a text (name, tag, caption or album) with everything that was asked for in it.

        Photos, and names, that the caller may not see do not count.
        """
        words = QueryWords(text)
        if words.is_empty:
            return set()
        condition, parameters = filter_condition(photo_filter, visibility)
        visible, within = text_visible(visibility)
        condition, parameters = f"{condition} AND {visible}", {**parameters, **within}
        every = "SELECT rowid, 0.0 AS rank FROM word_index WHERE word_index MATCH :expression"
        parameters["expression"] = _all_of(words)
        with self._database.read() as reader:
            if words.are_told_by_tokens:
                sql = f"SELECT DISTINCT p.photo_id {_TEXTS.format(best=every)} WHERE {_SEARCHABLE} AND {condition}"
                return {row[0] for row in reader.execute(sql, parameters)}
            rows = _rows(reader, every, condition, parameters)
        found = set()
        for row in rows:
            match = words.match([(row.text, row.is_name)])
            if match is not None and match.grade is not Grade.PARTIAL:
                found.add(row.photo_id)
        return found

    @staticmethod
    def _expression(reader: sqlite3.Connection, words: QueryWords) -> str:
        """Write the FTS5 expression for texts that hold all of a query, or a part of it that is not in too many texts."""
        rare = []
        for token in words.tokens():
            counted = "SELECT 1 FROM word_index WHERE word_index MATCH ? LIMIT 1 OFFSET ?"
            if reader.execute(counted, (_piece(*token), _FREQUENT_TEXTS)).fetchone() is None:
                rare.append(_piece(*token))
        return " OR ".join([f"({_all_of(words)})", *rare])

    @staticmethod
    def _best_visible_rows(
        reader: sqlite3.Connection, words: QueryWords, visibility: Visibility, condition: tuple[str, Parameters]
    ) -> list[_Row]:
        """Read the best of the texts that a confined caller may see, by BM25 among those."""
        found = rank_visible_texts(
            reader,
            visibility,
            (f"{_SEARCHABLE} AND {condition[0]}", condition[1]),
            every=words.every_token(),
            some=words.tokens(),
            frequent=_FREQUENT_TEXTS,
            limit=CANDIDATE_TEXTS,
        )
        return [_Row(one.row["photo_id"], MatchField(one.row["field"]), one.row["text"], one.rank) for one in found]

    @staticmethod
    def _best_rows(reader: sqlite3.Connection, expression: str, asked: tuple[str, Parameters]) -> list[_Row]:
        """Read the best texts by BM25, first without a look at their photos; deeper where some are not to be shown."""
        condition, parameters = asked[0], {**asked[1], "expression": expression}
        best = "SELECT rowid, rank FROM word_index WHERE word_index MATCH :expression ORDER BY rank LIMIT :looked_at"
        there_is_more = "SELECT 1 FROM word_index WHERE word_index MATCH ? LIMIT 1 OFFSET ?"
        looked_at = CANDIDATE_TEXTS
        while True:
            rows = _rows(reader, best, condition, {**parameters, "looked_at": looked_at})
            if len(rows) >= CANDIDATE_TEXTS or reader.execute(there_is_more, (expression, looked_at)).fetchone() is None:
                return rows[:CANDIDATE_TEXTS]
            looked_at *= 4


@dataclass(frozen=True, slots=True)
class _Row:
    photo_id: str
    field: MatchField
    text: str
    bm25: float

    @property
    def is_name(self) -> bool:
        return self.field is MatchField.NAME


def _piece(token: str, is_prefix: bool) -> str:
    """Quote a piece; it has letters and digits alone, so that nothing of FTS5's syntax is in it."""
    return f'"{token}" *' if is_prefix else f'"{token}"'


def _all_of(words: QueryWords) -> str:
    return " AND ".join(_piece(*token) for token in words.every_token())


def _rows(reader: sqlite3.Connection, best: str, condition: str, parameters: Parameters) -> list[_Row]:
    rows = reader.execute(
        f"SELECT w.field, w.text, p.photo_id, best.rank AS bm25 {_TEXTS.format(best=best)} "
        f"WHERE {_SEARCHABLE} AND {condition} ORDER BY best.rank, w.id",
        parameters,
    )
    return [_Row(row["photo_id"], MatchField(row["field"]), row["text"], row["bm25"]) for row in rows]


def _by_photo(rows: Sequence[_Row]) -> dict[str, list[_Row]]:
    photos: dict[str, list[_Row]] = {}
    for row in rows:
        photos.setdefault(row.photo_id, []).append(row)
    return photos


def _judge(words: QueryWords, rows: Sequence[_Row]) -> _Found | None:
    match = words.match([(row.text, row.is_name) for row in rows])
    if match is None:
        return None
    meant = [rows[at] for at in match.texts]
    return _Found(
        photo_id=rows[0].photo_id,
        match=match,
        bm25=min(row.bm25 for row in meant),
        matches=tuple(WordMatch(row.field, row.text) for row in meant),
    )


def _ranked(found: Sequence[_Found], *, shared: bool) -> list[WordHit]:
    best_of_evidence: dict[frozenset[str], float] = {}
    for one in found:
        evidence = one.match.evidence
        best_of_evidence[evidence] = min(one.bm25, best_of_evidence.get(evidence, 0.0))

    def group(one: _Found) -> tuple[int, float, tuple[str, ...]]:
        """What photos that rank alike have in common; groups sort best first."""
        if one.match.grade is Grade.EXACT:
            return (Grade.EXACT, 0.0, ())
        if one.match.grade is Grade.PARTIAL or shared:
            return (one.match.grade, best_of_evidence[one.match.evidence], tuple(sorted(one.match.evidence)))
        return (Grade.COMPLETE, one.bm25, ())

    sizes = Counter(group(one) for one in found)
    ranks: dict[tuple[int, float, tuple[str, ...]], int] = {}
    before = 0
    for key in sorted(sizes):
        takes_last = key[0] == Grade.PARTIAL or (shared and key[0] == Grade.COMPLETE)
        ranks[key] = before + (sizes[key] if takes_last else 1)
        before += sizes[key]
    hits = [WordHit(one.photo_id, ranks[group(one)], one.matches) for one in found]
    return sorted(hits, key=lambda hit: (hit.rank, hit.photo_id))
