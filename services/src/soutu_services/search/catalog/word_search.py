"""Finding photos by what is written about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from soutu_services.search.catalog.database import Database
from soutu_services.search.catalog.filters import filter_condition
from soutu_services.search.catalog.records import WordHit
from soutu_services.search.model import Filter, MatchField, WordMatch
from soutu_services.search.words import Grade, QueryWords, TextMatch

__all__ = ["CANDIDATE_TEXTS", "WordSearch"]

CANDIDATE_TEXTS = 4000
"""Texts (names, tags, captions, albums) that one query looks at closely: the best by BM25."""

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

    def search(self, text: str, photo_filter: Filter, limit: int | None = None) -> list[WordHit]:
        """Find the searchable photos that a text means, best first; ties by photo id.

        Candidates come from FTS5, ranked by BM25; ``search/words.py`` says which of them the text really means. Those that hold
        exactly what was asked for come first and share the first rank, then those that hold all of it, by BM25, then those that
        hold enough of a sentence. What many photos have in common tells little: photos found by the same part of a sentence, or
        by the same single character, all have the last rank among them.

        Args:
            text: The words or the sentence; any text is safe.
            photo_filter: Which photos to consider.
            limit: How many photos at most; None: all that ``CANDIDATE_TEXTS`` leaves.

        Raises:
            InvalidInput: the filter cannot be right.
        """
        words = QueryWords(text)
        rows = self._rows(words.tokens(), " OR ", photo_filter, CANDIDATE_TEXTS)
        found = [one for photo_rows in _by_photo(rows).values() if (one := _judge(words, photo_rows)) is not None]
        return _ranked(found, shared=words.is_one_character)[:limit]

    def photos_with(self, text: str, photo_filter: Filter) -> set[str]:
        """Find all searchable photos that have a text (name, tag, caption or album) with everything that was asked for in it."""
        words = QueryWords(text)
        found = set()
        for row in self._rows(words.every_token(), " AND ", photo_filter, -1):
            match = words.match([(row.text, row.is_name)])
            if match is not None and match.grade is not Grade.PARTIAL:
                found.add(row.photo_id)
        return found

    def _rows(self, tokens: Sequence[tuple[str, bool]], operator: str, photo_filter: Filter, limit: int) -> list[_Row]:
        if not tokens:
            return []
        condition, parameters = filter_condition(photo_filter)
        expression = operator.join(f'"{token}"{" *" if is_prefix else ""}' for token, is_prefix in tokens)  # letters, digits only
        with self._database.read() as reader:
            rows = reader.execute(
                "SELECT w.field, w.text, p.photo_id, word_index.rank AS bm25 FROM word_index "
                f"JOIN words w ON w.id = word_index.rowid JOIN photos p ON p.id = w.photo WHERE word_index MATCH :expression"
                f" AND {_SEARCHABLE} AND {condition} "
                "ORDER BY word_index.rank, w.id LIMIT :limit",
                {**parameters, "expression": expression, "limit": limit},
            )
            return [_Row(row["photo_id"], MatchField(row["field"]), row["text"], row["bm25"]) for row in rows]


@dataclass(frozen=True, slots=True)
class _Row:
    photo_id: str
    field: MatchField
    text: str
    bm25: float

    @property
    def is_name(self) -> bool:
        return self.field is MatchField.NAME


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
    hits = [
        WordHit(one.photo_id, ranks[group(one)], complete=one.match.grade is not Grade.PARTIAL, matches=one.matches)
        for one in found
    ]
    return sorted(hits, key=lambda hit: (hit.rank, hit.photo_id))
