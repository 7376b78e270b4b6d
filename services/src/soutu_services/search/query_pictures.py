"""Pictures that people search with, made into what the embedding service is to see."""

from __future__ import annotations

from soutu_services.runtime.errors import InvalidInput, Overloaded
from soutu_services.search.imaging import PictureLimits, Unreadable, read_picture

__all__ = ["rendition"]


def rendition(data: bytes, limits: PictureLimits) -> bytes:
    """Render a picture as photos' thumbnails are rendered, so that the same picture gives the same embedding.

    Raises:
        InvalidInput: it cannot be read as a picture.
        Overloaded: there is too little memory now.
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
    except MemoryError as error:
        raise Overloaded(
            "OUT_OF_MEMORY",
            zh="内存不足，暂时不能读取这张图片，请稍后再试或换一张小一些的",
            en="too little memory to read this picture now; try again later, or with a smaller one",
        ) from error
