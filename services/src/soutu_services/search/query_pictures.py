"""Pictures that people search with, made into what the embedding service is to see."""

from __future__ import annotations

from soutu_services.runtime.errors import InvalidInput
from soutu_services.search.decoding.pool import DecoderPool
from soutu_services.search.imaging import Unreadable

__all__ = ["rendition"]


def rendition(data: bytes, decoders: DecoderPool) -> bytes:
    """Render a picture as photos' thumbnails are rendered, so that the same picture gives the same embedding.

    Raises:
        InvalidInput: it cannot be read as a picture.
        Overloaded, Unavailable: no decoder is there for it now.
    """
    try:
        return decoders.read(data, urgent=True).thumbnail
    except Unreadable as unreadable:
        text = unreadable.reason.text
        raise InvalidInput(
            f"PICTURE_{unreadable.reason.value}",
            zh=f"用来搜索的图片不能用：{text.zh}",
            en=f"the picture to search with cannot be used: {text.en}",
        ) from unreadable
