"""Texts that a confined caller may see, found by words and ranked among themselves.

FTS5's own BM25 counts every text of the library: a score, an order, or whether a word counts as frequent would tell a guest what
others have written. Here the collection that is counted is what the guest may see.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from soutu_services.search.catalog.filters import Parameters, name_visible, photo_visible
from soutu_services.search.visibility import Visibility

__all__ = ["Phrase", "VisibleText", "rank_visible_texts", "text_visible"]

Phrase = tuple[str, bool]
"""A piece to look up, and whether it is a prefix."""

_K1 = 1.2
_B = 0.75
_AVERAGE_PIECES = 8.0
"""Stands in for the average length, which would cost a look at every visible text; with one phrase no order depends on it."""
_SMALLEST_IDF = 1e-6


@dataclass(frozen=True, slots=True)
class VisibleText:
    """A text that was found: the row of its photo and field, its rank (the smaller the better), and whether it passes."""

    row: sqlite3.Row
    rank: float


def text_visible(visibility: Visibility) -> tuple[str, Parameters]:
    """Write as a condition on a text (``w`` of ``words``) that the caller may see it, once its photo may be seen.

    A name may be seen where it lies; tags, captions and albums are the photo's.
    """
    if visibility.is_everything:
        return "1", {}
    condition, parameters = name_visible(visibility, "t")
    names = f"SELECT 1 FROM names t WHERE t.photo = w.photo AND t.name = w.text AND {condition}"
    return f"(w.field != 'NAME' OR EXISTS ({names}))", parameters


def rank_visible_texts(
    reader: sqlite3.Connection,
    visibility: Visibility,
    condition: tuple[str, Parameters],
    *,
    every: Sequence[Phrase],
    some: Sequence[Phrase],
    frequent: int,
    limit: int,
) -> list[VisibleText]:
    """Find the visible texts that hold all of some phrases, or one that is not in too many visible texts; the best first.

    They are ranked as FTS5 does (https://sqlite.org/fts5.html#the_bm25_function), over the visible texts alone.

    Args:
        reader: The connection.
        visibility: What the caller may see; not everything.
        condition: Which of the photos, ``p``, are asked for, and its parameters.
        every: All of these, or
        some: one of these that at most ``frequent`` visible texts hold.
        frequent: See ``some``.
        limit: How many texts at most.
    """
    phrases = list(dict.fromkeys((*every, *some)))
    visible, parameters = photo_visible(visibility)
    text, within = text_visible(visibility)
    parameters |= within
    asked, within = condition
    any_phrase = " OR ".join(f'"{piece}" *' if is_prefix else f'"{piece}"' for piece, is_prefix in phrases)
    rows = reader.execute(
        f"SELECT w.field, w.text, p.photo_id, i.tokens, ({asked}) AS is_asked_for "
        "FROM word_index i CROSS JOIN words w ON w.id = i.rowid CROSS JOIN photos p ON p.id = w.photo "
        f"WHERE word_index MATCH :any_phrase AND {visible} AND {text} ORDER BY w.id",
        {**parameters, **within, "any_phrase": any_phrase},
    ).fetchall()
    counted = [_occurrences(row["tokens"], phrases) for row in rows]
    holding = Counter(phrase for counts, _ in counted for phrase in counts)
    total = max(_visible_names(reader, visibility), *holding.values(), 0)
    rare = [phrase for phrase in some if holding[phrase] <= frequent]
    weights = {phrase: max(_SMALLEST_IDF, math.log((total - held + 0.5) / (held + 0.5))) for phrase, held in holding.items()}
    found = []
    for row, (counts, pieces) in zip(rows, counted, strict=True):
        has_all = all(phrase in counts for phrase in every)
        if row["is_asked_for"] and (has_all or any(phrase in counts for phrase in rare)):
            saturation = _K1 * (1 - _B + _B * pieces / _AVERAGE_PIECES)
            matched = (*(every if has_all else ()), *rare)
            score = sum(
                weights[phrase] * counts[phrase] * (_K1 + 1) / (counts[phrase] + saturation)
                for phrase in matched
                if phrase in counts
            )
            found.append(VisibleText(row, -score))
    return sorted(found, key=lambda one: one.rank)[:limit]


def _occurrences(tokens: str, phrases: Sequence[Phrase]) -> tuple[dict[Phrase, int], int]:
    """Count how often a text holds each of some phrases, those it does not hold left out, and the pieces it has."""
    pieces = tokens.split()
    counts = {}
    for phrase in phrases:
        piece, is_prefix = phrase
        held = sum(one.startswith(piece) for one in pieces) if is_prefix else pieces.count(piece)
        if held:
            counts[phrase] = held
    return counts, len(pieces)


def _visible_names(reader: sqlite3.Connection, visibility: Visibility) -> int:
    """Count the names that may be seen: nearly all texts are names, and to count the others takes long."""
    condition, parameters = name_visible(visibility, "v")
    sql = f"SELECT count(*) FROM names v WHERE v.present = 1 AND {condition}"
    return int(reader.execute(sql, parameters).fetchone()[0])
