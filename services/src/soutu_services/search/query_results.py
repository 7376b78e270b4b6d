"""What a query answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from soutu_services.runtime.language import Text
from soutu_services.search.model import Photo, WordMatch

__all__ = ["PHOTOS_PENDING", "Hit", "Notice", "NoticeReason", "ResultPage", "embedding_unavailable"]


class NoticeReason(Enum):
    """What an answer could not take into account."""

    EMBEDDING_UNAVAILABLE = "EMBEDDING_UNAVAILABLE"
    PHOTOS_PENDING = "PHOTOS_PENDING"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something an answer could not take into account, for programs and for people."""

    reason: NoticeReason
    text: Text


@dataclass(frozen=True, slots=True)
class Hit:
    """A photo that was found. ``score`` is what the order comes from; ``cosine`` is None for photos without an embedding.

    ``frame_ms`` is the time of the frame of a video that comes nearest, in milliseconds from its beginning; None for pictures.
    """

    photo: Photo
    score: float
    cosine: float | None
    matches: tuple[WordMatch, ...]
    frame_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of hits, best first. The token is empty after the last page."""

    hits: tuple[Hit, ...]
    next_page_token: str
    notices: tuple[Notice, ...] = ()


PHOTOS_PENDING = Notice(
    NoticeReason.PHOTOS_PENDING,
    Text(
        zh="有些照片还在等待识别，暂时只能按文件名、标签、说明和相册找到",
        en="some photos wait to be embedded and are found by name, tag, caption and album only",
    ),
)


def embedding_unavailable(problem: Text) -> Notice:
    """Say that texts were only looked up as words, and why."""
    return Notice(
        NoticeReason.EMBEDDING_UNAVAILABLE,
        Text(
            zh=f"文字只在文件名、标签、说明和相册里找。{problem.zh}",
            en=f"texts were only looked up in names, tags, captions and albums: {problem.en}",
        ),
    )
