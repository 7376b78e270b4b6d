"""What keeps an embedding service from being used."""

from __future__ import annotations

from soutu_services.runtime.errors import FailedPrecondition, Unavailable
from soutu_services.runtime.language import Text

__all__ = [
    "DimensionDiffers",
    "EmbedderAway",
    "EmbedderFailed",
    "EmbedderRefuses",
    "EmbedderUntrusted",
    "PicturesAway",
    "SpaceChanged",
    "TextEmbedderAway",
    "TextSpaceDiffers",
    "TowerNotLoaded",
    "VectorsMalformed",
]


class EmbedderAway(Unavailable):
    """The embedding service does not answer."""

    def __init__(self) -> None:
        super().__init__(
            "EMBEDDING_UNAVAILABLE",
            zh="向量服务没有响应，请检查它是否在运行；新照片会等它恢复后再处理",
            en="the embedding service does not answer; check that it is running; new photos wait until it is back",
        )


class TextEmbedderAway(Unavailable):
    """The service that embeds queries' words does not answer."""

    def __init__(self) -> None:
        super().__init__(
            "EMBEDDING_UNAVAILABLE",
            zh="文字向量服务没有响应，请检查它是否在运行",
            en="the text embedding service does not answer; check that it is running",
        )


class PicturesAway(Unavailable):
    """Nothing embeds a query's picture now."""

    def __init__(self) -> None:
        super().__init__(
            "EMBEDDING_UNAVAILABLE",
            zh="看图的向量服务没有响应（那台机器可能在休眠），暂时不能用图片搜索；请改用文字，或库里的一张照片",
            en=(
                "the embedding service that looks at pictures does not answer (its machine may be asleep); "
                "search by words, or by a photo of the library, until it is back"
            ),
        )


class EmbedderFailed(Unavailable):
    """The embedding service answers, but with an error of its own."""

    def __init__(self) -> None:
        super().__init__(
            "EMBEDDING_FAILED",
            zh="向量服务内部出错，请查看它的日志；照片会等它恢复后再处理",
            en="the embedding service fails with an error of its own; see its log; photos wait until it is well again",
        )


class EmbedderRefuses(Unavailable):
    """The embedding service does not take the token that it is shown."""

    def __init__(self) -> None:
        super().__init__(
            "EMBEDDING_TOKEN",
            zh="向量服务不接受搜索服务的令牌：请让 SOUTU_SEARCH_EMBEDDING_TOKEN_FILE 与那边的 SOUTU_EMBEDDING_TOKEN_FILE 一致",
            en="the embedding service does not take the token of the search service: SOUTU_SEARCH_EMBEDDING_TOKEN_FILE must hold "
            "one that SOUTU_EMBEDDING_TOKEN_FILE has there",
        )


class EmbedderUntrusted(Unavailable):
    """TLS with the embedding service does not come about."""

    def __init__(self, why: Text) -> None:
        super().__init__(
            "EMBEDDING_NOT_TRUSTED", zh=f"连不上向量服务：{why.zh}", en=f"cannot reach the embedding service: {why.en}"
        )


class VectorsMalformed(Unavailable):
    """The embedding service answers, but with vectors that are none."""

    def __init__(self) -> None:
        super().__init__(
            "VECTORS_MALFORMED",
            zh="向量服务返回了无效的向量，请重启它并检查它的日志和模型文件；照片会等它恢复后再处理",
            en=(
                "the embedding service sends vectors that are not valid; restart it, and check its log and its model files; "
                "photos wait until it is well again"
            ),
        )


class SpaceChanged(FailedPrecondition):
    """An embedding service does not serve the space that the catalog's embeddings are in."""

    def __init__(self) -> None:
        super().__init__(
            "SPACE_CHANGED",
            zh="向量服务换了模型，与已有的向量不能比较；请换回原模型，或运行 soutu reindex 改用新模型",
            en=(
                "the embedding service serves another model, whose vectors cannot be compared with the library's; put the old "
                "one back, or run soutu reindex to take the new one over"
            ),
        )


class TextSpaceDiffers(FailedPrecondition):
    """The service that embeds queries' words does not serve the space that the catalog's embeddings are in."""

    def __init__(self) -> None:
        super().__init__(
            "TEXT_SPACE_DIFFERS",
            zh="文字向量服务的模型与图库的不同，不能混用；请让它运行图库所用模型的文字部分",
            en=(
                "the text embedding service runs another model than the library's, whose vectors cannot be compared; "
                "start it with the text half of the library's model"
            ),
        )


class DimensionDiffers(FailedPrecondition):
    """An embedding service gives vectors of another length for a space that the catalog has embeddings in."""

    def __init__(self) -> None:
        super().__init__(
            "DIMENSION_DIFFERS",
            zh="同一向量空间的向量长度前后不一致，请检查向量服务使用的模型",
            en="the space had another embedding length before; check which model the embedding service runs",
        )


class TowerNotLoaded(FailedPrecondition):
    """An embedding service has not loaded the half of the model that is needed."""

    def __init__(self) -> None:
        super().__init__(
            "TOWER_NOT_LOADED",
            zh="向量服务没有加载模型的这一半（文字或图片），请连接加载了它的向量服务",
            en="the embedding service has not loaded this half of the model (text or image); connect one that has",
        )
