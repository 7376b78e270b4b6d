"""Settings of the embedding service, read from the environment with the prefix ``SOUTU_EMBEDDING_``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal, Self

from PIL import Image
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from soutu_services.embedding.batcher import BatchSettings
from soutu_services.embedding.image_input import ImageLimits
from soutu_services.embedding.limits import RequestLimits
from soutu_services.embedding.weights import WeightsSettings
from soutu_services.runtime.program import ProgramSettings
from soutu_services.runtime.server import ServerSettings
from soutu_services.runtime.tls import TlsSettings

__all__ = ["Device", "EmbeddingSettings", "Precision"]

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "fp16", "bf16"]

_MEBIBYTE = 1024 * 1024
_PILLOW_MAX_PIXELS = Image.MAX_IMAGE_PIXELS or 89_478_485
"""Pillow itself refuses much larger pictures, and a picture of this size takes 270 MB once decoded."""


class EmbeddingSettings(ProgramSettings):
    """Everything that can be set; each field is ``SOUTU_EMBEDDING_`` and its name in upper case."""

    model_config = SettingsConfigDict(env_prefix="SOUTU_EMBEDDING_", env_nested_delimiter="__", frozen=True, extra="forbid")

    listen: str = Field("127.0.0.1:8402", description="Address of gRPC, host:port.")
    metrics_listen: str = Field("127.0.0.1:8412", description="Address of the Prometheus metrics; empty: none.")
    tls: TlsSettings = Field(default_factory=TlsSettings, description="Certificate and key; unset: plain text, on loopback only.")
    allow_plaintext: bool = Field(False, description="1: it may listen beyond this machine without TLS, and without a token.")
    token: SecretStr | None = Field(None, description="Tokens that it takes, with spaces between them; better in a file.")
    token_file: Path | None = Field(None, description="File of the tokens that it takes, one a line.")
    workers: int = Field(
        48, ge=2, description="Calls answered at once: of one client three in four, and bulk calls at most half of them."
    )
    max_message_bytes: int = Field(64 * _MEBIBYTE, ge=_MEBIBYTE, description="Largest gRPC message in bytes.")
    grace_seconds: float = Field(10.0, ge=0, description="How long calls may take to end when the service stops.")

    models: Annotated[tuple[str, ...], NoDecode] = Field(
        ("lite",),
        min_length=1,
        description="Models to serve, the default first (see ModelSpec.parse), with commas between them or as JSON.",
    )
    device: Device = Field("auto", description="Where torch models run; auto: CUDA when there is a GPU.")
    precision: Precision = Field("auto", description="How torch models compute; auto: fp16 on a GPU, fp32 on a CPU.")
    threads: int = Field(0, ge=0, description="CPU threads of one forward pass; 0: all cores.")
    weights: WeightsSettings = Field(default_factory=WeightsSettings, description="Where weights come from.")

    max_batch: int = Field(32, ge=1, description="Most items in one forward pass.")
    batch_wait_milliseconds: float = Field(5.0, ge=0, le=1000, description="Longest wait for a bulk batch to fill.")
    bulk_pass_milliseconds: float = Field(
        200.0, gt=0, description="Batches, of people too, are cut so that a pass takes so long."
    )
    queue_items: int = Field(512, ge=1, description="Items that may wait at each tower, of each priority.")

    max_request_items: int = Field(64, ge=1, description="Most items in one request.")
    max_image_bytes: int = Field(32 * _MEBIBYTE, ge=1, description="Largest encoded image in bytes.")
    max_pixels: int = Field(80_000_000, ge=1, le=_PILLOW_MAX_PIXELS, description="Most pixels of an image.")
    max_text_characters: int = Field(2000, ge=1, description="Longest text in characters; a model's own limit may be lower.")

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return tuple(spec.strip() for spec in value.split(",") if spec.strip())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.queue_items < self.max_request_items:
            raise ValueError("queue_items must be at least max_request_items, or a full request would never be taken")
        if self.max_message_bytes <= self.max_image_bytes:
            raise ValueError("max_message_bytes must be larger than max_image_bytes, or a full image would never arrive")
        return self

    @property
    def cpu_threads(self) -> int:
        """CPU threads of one forward pass."""
        if self.threads:
            return self.threads
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @property
    def image_limits(self) -> ImageLimits:
        """Limits of one image."""
        return ImageLimits(max_bytes=self.max_image_bytes, max_pixels=self.max_pixels)

    @property
    def request_limits(self) -> RequestLimits:
        """Limits of one request."""
        return RequestLimits(
            items=self.max_request_items,
            image=self.image_limits,
            text_characters=self.max_text_characters,
            message_bytes=self.max_message_bytes,
            bulk_calls=max(1, self.workers // 2),
        )

    @property
    def batching(self) -> BatchSettings:
        """How items are gathered into forward passes."""
        return BatchSettings(
            max_batch=self.max_batch,
            batch_wait_milliseconds=self.batch_wait_milliseconds,
            bulk_pass_milliseconds=self.bulk_pass_milliseconds,
            queue_items=self.queue_items,
        )

    @property
    def server(self) -> ServerSettings:
        """How the server listens."""
        return ServerSettings(
            listen=self.listen,
            metrics_listen=self.metrics_listen,
            tls=self.tls,
            allow_plaintext=self.allow_plaintext,
            workers=self.workers,
            max_message_bytes=self.max_message_bytes,
            grace_seconds=self.grace_seconds,
        )
