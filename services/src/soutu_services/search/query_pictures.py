"""Pictures that people search with, made into what the embedding service is to see."""

from __future__ import annotations

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.imaging import PictureLimits, Unreadable, read_picture

__all__ = ["rendition"]


def rendition(data: bytes, limits: PictureLimits) -> bytes:
    """Render a picture as photos' thumbnails are rendered, so that the same picture gives the same embedding.

    Raises:
        InvalidInput: it cannot be read as a picture.
    """
    try:
        return read_picture(data, limits).thumbnail
    except Unreadable as unreadable:
        text = unreadable.reason.text
        raise InvalidInput(
            f"PICTURE_{unreadable.reason.value}",
            zh=f"用来搜索的图片不能用：{text.zh}",
            en=f"the picture to search with cannot be used: {text.en}",
        ) from unreadable
