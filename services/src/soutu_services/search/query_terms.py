"""What a query says, and what it cannot say."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.model import Filter
from soutu_services.search.page_tokens import list_digest
from soutu_services.search.visibility import Visibility

__all__ = ["MAX_PAGE_SIZE", "MAX_PICTURES", "MAX_TERMS", "MAX_TEXT_CHARACTERS", "Query", "Term"]

MAX_TERMS = 32
MAX_PICTURES = 4
MAX_TEXT_CHARACTERS = 1000
MAX_PAGE_SIZE = 200
_MAX_WEIGHT = 1000.0


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query: exactly one of text, image and photo id is set.

    Attributes:
        text: Words in natural language.
        image: A picture, as the embedding service is to see it (the same rendition as a photo's thumbnail).
        photo_id: A photo of the library, by its id or the first digits of it; it is left out of the hits.
        weight: How much it counts; negative: "not this".
    """

    text: str | None = None
    image: bytes | None = None
    photo_id: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """A query.

    Attributes:
        terms: What to look for; none: photos that pass the filter, the newest first.
        filter: Which photos to consider.
        min_score: Smallest cosine of a hit by look, -1 to 1; None: any. Hits by words are not held to it.
        page_size: Hits a page, 1 to 200.
        page_token: From the page before, with all else unchanged; empty: the first page.
    """

    terms: tuple[Term, ...] = ()
    filter: Filter = field(default_factory=Filter)
    min_score: float | None = None
    page_size: int = 50
    page_token: str = ""

    def check(self) -> None:
        """Refuse what cannot be right.

        Raises:
            InvalidInput: too many terms or pictures, an empty or overlong one, impossible weights, scores or page sizes.
        """
        if len(self.terms) > MAX_TERMS:
            raise InvalidInput("TOO_MANY_TERMS", zh=f"一次搜索最多 {MAX_TERMS} 个条件", en=f"at most {MAX_TERMS} terms a search")
        if sum(term.image is not None for term in self.terms) > MAX_PICTURES:
            raise InvalidInput(
                "TOO_MANY_PICTURES", zh=f"一次搜索最多 {MAX_PICTURES} 张图片", en=f"at most {MAX_PICTURES} pictures a search"
            )
        for term in self.terms:
            _check_term(term)
        if self.terms and not any(term.weight > 0 for term in self.terms):
            raise InvalidInput(
                "NO_POSITIVE_TERM",
                zh="至少要有一个想找的内容，不能全是排除",
                en="at least one term must say what to look for; they cannot all be exclusions",
            )
        if self.min_score is not None and not -1 <= self.min_score <= 1:  # NaN is not between either
            raise InvalidInput("BAD_MIN_SCORE", zh="最低相似度应在 -1 到 1 之间", en="the smallest score goes from -1 to 1")
        if not 1 <= self.page_size <= MAX_PAGE_SIZE:
            raise InvalidInput("PAGE_TOO_LARGE", zh=f"每页 1 到 {MAX_PAGE_SIZE} 项", en=f"a page has 1 to {MAX_PAGE_SIZE} hits")

    def digest(self, visibility: Visibility) -> str:
        """Digest what decides the list of hits, for a caller who may see this, to bind page tokens to it."""
        terms = [
            (term.text, hashlib.sha256(term.image).hexdigest() if term.image else None, term.photo_id, term.weight)
            for term in self.terms
        ]
        return list_digest("search", visibility, terms, self.filter, self.min_score)


def _check_term(term: Term) -> None:
    if sum(part is not None for part in (term.text, term.image, term.photo_id)) != 1:
        raise InvalidInput(
            "BAD_TERM", zh="每个条件应是文字、图片、照片编号之一", en="a term is one of a text, an image and a photo id"
        )
    if (term.text is not None and not term.text.strip()) or (term.image is not None and not term.image):
        raise InvalidInput("EMPTY_TERM", zh="搜索内容不能为空", en="a term must not be empty")
    if term.text is not None and len(term.text) > MAX_TEXT_CHARACTERS:
        raise InvalidInput(
            "TEXT_TOO_LONG",
            zh=f"文字最多 {MAX_TEXT_CHARACTERS} 个字，请缩短",
            en=f"a text has at most {MAX_TEXT_CHARACTERS} characters; shorten it",
        )
    if not math.isfinite(term.weight) or abs(term.weight) > _MAX_WEIGHT:
        raise InvalidInput("BAD_WEIGHT", zh="权重应是 -1000 到 1000 的数", en="a weight is a number from -1000 to 1000")
